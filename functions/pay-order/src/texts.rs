//! The texts of the pages in each language: those of the checkout page, and some of their own.

use std::collections::BTreeMap;

use api::Language;

use crate::finding::Payment;

macro_rules! texts {
    ($file:literal) => {
        [
            include_str!(concat!("../../../web/checkout-page/dist/", $file, ".json")),
            include_str!(concat!("../messages/", $file, ".json")),
        ]
    };
}

/// The texts of a language.
#[derive(Debug)]
pub(crate) struct Texts(BTreeMap<String, String>);

impl Texts {
    pub(crate) fn of(language: Language) -> Self {
        let files = match language.tag() {
            "de" => texts!("de"),
            "fr" => texts!("fr"),
            "es" => texts!("es"),
            "pt-BR" => texts!("pt-br"),
            "ja" => texts!("ja"),
            "zh-CN" => texts!("zh-cn"),
            "ar" => texts!("ar"),
            _ => texts!("en"),
        };
        // Tests hold the files to be what they should be.
        let read = |file: &str| serde_json::from_str::<BTreeMap<String, String>>(file).unwrap_or_default();
        Self(files.into_iter().flat_map(read).collect())
    }

    /// Returns a text, with what it says of a payment.
    pub(crate) fn get(&self, key: &str, payment: Option<&Payment>) -> String {
        let mut text = self.0.get(key).cloned().unwrap_or_default();
        if let Some(payment) = payment {
            let amount = payment.due.as_ref().map(|due| format!("{due} {}", payment.symbol));
            text = text
                .replace("{vendor}", payment.vendor)
                .replace("{amount}", amount.as_deref().unwrap_or_default())
                .replace("{deadline}", &payment.deadline.to_string());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_every_text_with_the_same_values() {
        let english = Texts::of(Language::ALL[0]);
        let values = |text: &str| {
            let mut values: Vec<String> =
                text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect();
            values.sort();
            values
        };
        for language in Language::ALL {
            let own = Texts::of(language);
            assert!(own.0.keys().eq(english.0.keys()), "{}", language.tag());
            for (key, text) in &own.0 {
                assert_eq!(values(text), values(&english.0[key]), "{} {key}", language.tag());
            }
        }
    }
}
