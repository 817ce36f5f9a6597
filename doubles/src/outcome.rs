//! How a purchase of crypto ends.

use anyhow::{Context as _, Result};

use crate::amount::Amount;

/// How a purchase of crypto ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The amount that was asked for is sent.
    Exact,
    /// Half of it is sent.
    Less,
    /// One more is sent.
    More,
    /// Success is reported now. The crypto is sent by `deliver_late` of the double.
    Later,
    /// Success is reported, but nothing is sent.
    Never,
    /// The payment method is declined.
    Declined,
    /// The payer dismisses the page. Nothing is sent, no webhook either.
    Cancelled,
}

impl Outcome {
    /// The outcomes, with the name and the text of their buttons.
    pub(crate) const BUTTONS: [(Self, &str, &str); 7] = [
        (Self::Exact, "exact", "Pay: the exact amount arrives"),
        (Self::Less, "less", "Pay: half of the amount arrives"),
        (Self::More, "more", "Pay: one more arrives"),
        (Self::Later, "later", "Pay: the crypto arrives later"),
        (Self::Never, "never", "Pay: the crypto never arrives"),
        (Self::Declined, "declined", "Pay: the card is declined"),
        (Self::Cancelled, "cancel", "Cancel"),
    ];

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::BUTTONS.iter().find(|(_, button, _)| *button == name).map(|(outcome, ..)| *outcome)
    }

    /// Returns the amount that the payer buys, if this one was asked for.
    pub(crate) fn amount(self, asked: &str) -> Result<String> {
        let amount = Amount::parse(asked).context("the amount is not a number")?;
        Ok(match self {
            Self::Less => amount.half().to_string(),
            Self::More => amount.plus_one().to_string(),
            Self::Exact | Self::Later | Self::Never | Self::Declined | Self::Cancelled => asked.to_owned(),
        })
    }
}
