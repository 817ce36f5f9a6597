//! Addresses of wallets and of payers.

use std::net::IpAddr;

/// Whether a text is an address of an EVM chain.
pub(crate) fn is_evm_address(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    digits.len() == 40 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// Whether an address is not one of a private network. Addresses for documentation, such as 192.0.2.1, are accepted.
pub(crate) fn is_public(text: &str) -> bool {
    match text.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(ip)) => {
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified())
        }
        Ok(IpAddr::V6(ip)) => {
            !(ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_unspecified())
        }
        Err(_) => false,
    }
}
