/* How the search of the site orders what it finds: pages that explain before pages that list.
 *
 * Sphinx orders pages with a word in their text by the alphabet, and forty pages of the reference
 * have most words. The numbers below `score` are those of Sphinx.
 */
"use strict";

const SCORES_OF_FOLDERS = [
  [/^(choose|getting_started|guide\/)/, 3],
  [/^(coming_from|workflows\/|tutorial\/)/, 2],
  [/^(gallery\/|glossary|validation)/, 1],
  [/^(changelog|contributing|development|extending\/)/, -3],
];

var Scorer = {
  score: ([page, , , , score]) => {
    const found = SCORES_OF_FOLDERS.find(([folder]) => folder.test(page));
    return score + (found ? found[1] : 0);
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
