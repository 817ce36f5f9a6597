//! The languages of pages, and which of them a payer reads.

use super::Request;

/// A language that pages speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language(&'static str);

impl Language {
    /// All of them; the first is for payers of any other language.
    pub const ALL: [Self; 8] = [
        Self("en"),
        Self("de"),
        Self("fr"),
        Self("es"),
        Self("pt-BR"),
        Self("ja"),
        Self("zh-CN"),
        Self("ar"),
    ];

    /// Its BCP 47 tag.
    pub const fn tag(self) -> &'static str {
        self.0
    }

    /// The direction in which it is written.
    pub fn direction(self) -> &'static str {
        if self.0 == "ar" { "rtl" } else { "ltr" }
    }

    /// Returns the language of a request: that of `?lang=`, else the one that `Accept-Language` prefers most.
    pub fn of(request: &Request) -> Self {
        let asked = request.query_values("lang").find_map(|tag| Self::matching(&tag));
        let accepted = || request.header("accept-language").and_then(preferred);
        asked.or_else(accepted).unwrap_or(Self::ALL[0])
    }

    /// Returns the language of a tag such as `de-AT`: the same tag, or else the same primary language.
    fn matching(tag: &str) -> Option<Self> {
        let primary = |tag: &str| tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let exact = Self::ALL.into_iter().find(|language| language.0.eq_ignore_ascii_case(tag));
        exact.or_else(|| Self::ALL.into_iter().find(|language| primary(language.0) == primary(tag)))
    }
}

/// Reads `Accept-Language`: the known language of the highest weight, and of equal weights the first.
fn preferred(header: &str) -> Option<Language> {
    let mut best: Option<(f64, Language)> = None;
    // A browser sends a handful. Longer lists are a stranger's, and cost no more than this.
    for range in header.split(',').take(20) {
        let mut parts = range.split(';').map(str::trim);
        let Some(language) = parts.next().and_then(Language::matching) else { continue };
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
        if weight > best.map_or(0.0, |(weight, _)| weight) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_preferred_known_language_is_chosen() {
        let choose = |header: &str| preferred(header).map(Language::tag);
        assert_eq!(choose("de-AT,de;q=0.9,en;q=0.8"), Some("de"));
        assert_eq!(choose("nl, fr;q=0.4, ja;q=0.7"), Some("ja"));
        assert_eq!(choose("pt"), Some("pt-BR"));
        assert_eq!(choose("zh-TW, en;q=0.5"), Some("zh-CN"));
        assert_eq!(choose("en;q=0, ar;q=0.1"), Some("ar"));
        for header in ["", "nl", "*", ";;q=,", "de;q=0", "q=1"] {
            assert_eq!(choose(header), None, "{header}");
        }
    }
}
