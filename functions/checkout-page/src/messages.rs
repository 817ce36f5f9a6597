//! The texts of the page in each language.

use api::Language;

macro_rules! texts {
    ($file:literal) => {
        include_str!(concat!("../../../web/checkout-page/dist/", $file, ".json"))
    };
}

/// Returns the texts of a language, as a JSON object.
pub(crate) fn messages(language: Language) -> &'static str {
    match language.tag() {
        "de" => texts!("de"),
        "fr" => texts!("fr"),
        "es" => texts!("es"),
        "pt-BR" => texts!("pt-br"),
        "ja" => texts!("ja"),
        "zh-CN" => texts!("zh-cn"),
        "ar" => texts!("ar"),
        _ => texts!("en"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_the_same_texts_with_the_same_values() {
        let texts = |language: Language| {
            serde_json::from_str::<std::collections::BTreeMap<String, String>>(messages(language)).unwrap()
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
