//! `display`: what a checkout page shows of a session (docs/api.md, *Priced sessions*).

use api::{ApiError, ErrorCode, Fields, integer, text};
use domain::display::{Display, ItemAmount, LineItem, MAX_ITEMS, Quantity, RedirectAfter};
use domain::pricing::Currency;
use domain::text::Text;
use serde_json::value::RawValue;

/// Reads `display`. Unknown fields are ignored and not stored.
pub(crate) fn display(value: &RawValue) -> Result<Display, ApiError> {
    let fields = Fields::within(value, "display.")?;
    let redirect_after = if fields.is_null("redirect_after") {
        Some(RedirectAfter::Click)
    } else {
        fields.optional("redirect_after", integer(RedirectAfter::parse))?
    };
    let items = fields.optional_array("line_items", 0..=MAX_ITEMS)?.unwrap_or_default();
    let display = Display {
        title: fields.optional("title", text(Text::parse))?,
        description: fields.optional("description", text(Text::parse))?,
        locale: fields.optional("locale", text(Text::parse))?,
        currency: fields.optional("currency", text(|code| Currency::parse(&code)))?,
        redirect_after,
        line_items: items
            .into_iter()
            .map(|(place, item)| line_item(&Fields::within(item, place)?))
            .collect::<Result<_, _>>()?,
    };
    display
        .check()
        .map_err(|invalid| ApiError::invalid(ErrorCode::InvalidFieldValue, "display", &invalid))?;
    Ok(display)
}

fn line_item(fields: &Fields<'_>) -> Result<LineItem, ApiError> {
    Ok(LineItem {
        name: fields.required("name", text(Text::parse))?,
        quantity: fields.optional("quantity", integer(Quantity::parse))?.unwrap_or(Quantity::ONE),
        amount: fields.optional("amount", text(ItemAmount::parse))?,
    })
}
