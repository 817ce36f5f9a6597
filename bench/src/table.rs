//! Tables of figures, in Markdown.

use comfy_table::{CellAlignment, Table, presets};

/// An empty table. The columns after the first `texts` hold figures.
pub fn table<'a>(titles: impl IntoIterator<Item = &'a str>, texts: usize) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(titles);
    for column in table.column_iter_mut().skip(texts) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
