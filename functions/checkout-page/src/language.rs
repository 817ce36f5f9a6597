//! The languages of the page, and which of them a payer reads.

use api::Request;

/// A language that the page speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language {
    tag: &'static str,
    messages: &'static str,
}

macro_rules! language {
    ($tag:literal, $file:literal) => {
        Language {
            tag: $tag,
            messages: include_str!(concat!("../../../web/checkout-page/dist/", $file, ".json")),
        }
    };
}

impl Language {
    /// All of them; the first is for payers of any other language.
    pub const ALL: [Self; 8] = [
        language!("en", "en"),
        language!("de", "de"),
        language!("fr", "fr"),
        language!("es", "es"),
        language!("pt-BR", "pt-br"),
        language!("ja", "ja"),
        language!("zh-CN", "zh-cn"),
        language!("ar", "ar"),
    ];

    /// Its BCP 47 tag.
    pub const fn tag(self) -> &'static str {
        self.tag
    }

    /// Its texts, as a JSON object.
    pub(crate) const fn messages(self) -> &'static str {
        self.messages
    }

    /// The direction in which it is written.
    pub(crate) fn direction(self) -> &'static str {
        if self.tag == "ar" { "rtl" } else { "ltr" }
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
        let exact = Self::ALL.into_iter().find(|language| language.tag.eq_ignore_ascii_case(tag));
        exact.or_else(|| Self::ALL.into_iter().find(|language| primary(language.tag) == primary(tag)))
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

    #[test]
    fn every_language_has_the_same_texts_with_the_same_values() {
        let texts = |language: Language| {
            serde_json::from_str::<std::collections::BTreeMap<String, String>>(language.messages()).unwrap()
        };
        let values = |text: &str| {
            let mut values: Vec<String> =
                text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect();
            values.sort();
            values
        };
        let english = texts(Language::ALL[0]);
        for language in Language::ALL {
            let own = texts(language);
            assert!(own.keys().eq(english.keys()), "{}", language.tag());
            for (key, text) in &own {
                assert_eq!(values(text), values(&english[key]), "{} {key}", language.tag());
            }
        }
    }
}
