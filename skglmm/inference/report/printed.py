"""Records with a face: they print, show in notebooks, and go into papers."""

from abc import abstractmethod

from skglmm.inference.report.formats import as_html, as_latex, as_markdown
from skglmm.inference.report.text import Page

__all__ = ["Printed"]


class Printed:
    r"""A record that prints as text, shows as HTML, and is written as Markdown, LaTeX and HTML.

    Whoever inherits tells what it shows by `_page`.

    Examples
    --------
    >>> from skglmm.inference.report.printed import Printed
    >>> from skglmm.inference.report.text import Page, Table
    >>> class Ages(Printed):
    ...     def _page(self):
    ...         return Page((Table("Ages", ("", "years"), (("Ada", "36"),), 1),))
    >>> Ages()
    Ages
           years
      Ada     36
    >>> print(Ages().to_markdown(caption=""))
    |  | years |
    | :--- | ---: |
    | Ada | 36 |
    <BLANKLINE>
    """

    @abstractmethod
    def _page(self) -> Page:
        """Return what the record shows."""

    def __str__(self) -> str:
        return str(self._page())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return as_html(self._page(), ruled=False)

    def to_markdown(self, caption: str | None = None) -> str:
        """Return what is printed as Markdown, with pipes between the cells.

        Parameters
        ----------
        caption : str, default=None
            Stands above the table; None is the title of the record, an empty text nothing.

        Returns
        -------
        str
        """
        return as_markdown(self._page(), caption)

    def to_latex(
        self,
        caption: str | None = None,
        label: str | None = None,
        *,
        booktabs: bool = True,
        floating: bool = True,
        notes: bool = True,
    ) -> str:
        r"""Return what is printed as LaTeX, with numbers aligned at their points.

        Names are escaped, so that ``C(a_b)[T.50 %]`` shows letter by letter. Letters that are not
        Latin or Greek need lualatex or xelatex.

        Parameters
        ----------
        caption : str, default=None
            LaTeX that stands above the table; None is the title of the record, an empty text
            nothing.
        label : str, default=None
            What ``\ref`` refers to, ``"tab:yield"``.
        booktabs : bool, default=True
            Whether lines are those of the package booktabs, which the document has to load.
        floating : bool, default=True
            Whether the table stands in a ``table`` environment with its caption; otherwise the
            ``tabular`` alone is returned.
        notes : bool, default=True
            Whether what is printed below the tables stands below them.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            For a caption or a label of a table that does not float.
        """
        if not floating and (caption or label):
            msg = (
                f"caption={caption!r} and label={label!r} belong to a floating table; leave them "
                "out, or floating=False"
            )
            raise ValueError(msg)
        page = self._page()
        return as_latex(page, caption, label, booktabs=booktabs, floating=floating, notes=notes)

    def to_html(self, caption: str | None = None, label: str | None = None) -> str:
        """Return what is printed as HTML, with the lines of printed tables.

        Word and other programs open it as a table.

        Parameters
        ----------
        caption : str, default=None
            Stands above the table; None is the title of the record, an empty text nothing.
        label : str, default=None
            The id of the element.

        Returns
        -------
        str
        """
        return as_html(self._page(), caption, label)
