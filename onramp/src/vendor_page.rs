//! The addresses to which a payer may be sent.

use url::Url;

use crate::OnrampError;

/// Where a vendor's own pages are. A payer is sent nowhere else, whatever a response says.
#[derive(Debug, Clone)]
pub(crate) enum VendorPages {
    /// These hosts, over https.
    Hosts(&'static [&'static str]),
    /// One origin: a double of the vendor in a test or a local run.
    Double(String),
}

impl VendorPages {
    /// Reads the address of a vendor's page.
    pub(crate) fn check(&self, text: &str) -> Result<Url, OnrampError> {
        let foreign = || OnrampError::Misconfigured("it names a page that is not its own".to_owned());
        let url = Url::parse(text).map_err(|_| foreign())?;
        let is_own = match self {
            Self::Hosts(hosts) => {
                let is_plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
                is_plain
                    && url.scheme() == "https"
                    && url.host_str().is_some_and(|host| hosts.contains(&host))
            }
            Self::Double(origin) => url.origin().ascii_serialization() == *origin,
        };
        if is_own { Ok(url) } else { Err(foreign()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_vendors_own_hosts_are_pages() {
        let pages = VendorPages::Hosts(&["pay.coinbase.com"]);
        assert!(pages.check("https://pay.coinbase.com/buy?sessionToken=1").is_ok());
        for url in [
            "http://pay.coinbase.com/buy",
            "https://pay.coinbase.com.evil.example/",
            "https://evil.example/pay.coinbase.com",
            "https://pay.coinbase.com@evil.example/",
            "https://user@pay.coinbase.com/",
            "https://pay.coinbase.com:8443/",
            "javascript:alert(1)",
            "//pay.coinbase.com/",
            "",
        ] {
            assert!(pages.check(url).is_err(), "{url}");
        }
        assert!(pages.check("https://PAY.coinbase.com/").is_ok(), "hosts have no case");
    }
}
