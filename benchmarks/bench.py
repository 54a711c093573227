"""Time fits of skglmm and of other programs to the same rows; ``--help`` says how."""

from harness.command import main

if __name__ == "__main__":
    main()
