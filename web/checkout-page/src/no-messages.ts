/** Stands for the English texts in the page: the document brings the texts of its own language. */
export const en = {};
