//! What the payment pages of all doubles have in common.

const STYLE: &str = "body{font:18px/1.5 system-ui,sans-serif;max-width:40rem;margin:0 auto;padding:1rem}\
    h1{background:#b00;color:#fff;font-size:2rem;line-height:1.2;padding:1rem}\
    dd{margin:0 0 .5rem;overflow-wrap:anywhere}button{display:block;font:inherit;margin:.5rem 0;padding:.5rem 1rem}";

/// Returns a page without a script. It says that it is a double.
pub(crate) fn document(vendor: &str, content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Double of {vendor}</title>\
         <style>{STYLE}</style><main><h1>This is a DOUBLE of {vendor}. No money moves.</h1>{content}</main></html>"
    )
}

/// Returns the buttons of a form, by their names and texts.
pub(crate) fn buttons<'a>(outcomes: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let button =
        |(name, text): (&str, &str)| format!("<button name=\"outcome\" value=\"{name}\">{text}</button>");
    outcomes.into_iter().map(button).collect()
}

/// Returns text as HTML shows it.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
