//! Who opens a payment link: a person, or a program that only looks at it.
//!
//! Each opening by a person may create a payment at a vendor, so what previews, prefetches and scans links must not. A
//! browser tells them apart by headers that no script can set.

use std::net::{IpAddr, SocketAddr};

use api::Request;

/// What opens a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visitor {
    /// A person who follows the link, or pushes the button of the page.
    Person,
    /// A browser that loads pages before they are asked for.
    Prefetch,
    /// A script, a frame, or another site's form.
    Script,
    /// What sends none of these headers: a scanner, curl, an old browser. It gets a page with a button.
    Unknown,
}

impl Visitor {
    pub(crate) fn of(request: &Request) -> Self {
        let says = |name: &str, words: &[&str]| {
            request.header(name).is_some_and(|value| {
                let value = value.to_ascii_lowercase();
                words.iter().any(|word| value.contains(word))
            })
        };
        let purposes = ["sec-purpose", "purpose", "x-purpose", "x-moz"];
        if purposes.iter().any(|name| says(name, &["prefetch", "prerender", "preview"])) {
            return Self::Prefetch;
        }
        let is = |name: &str, value: &str| request.header(name).is_none_or(|given| given == value);
        let is_navigation = is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document");
        let tells = request.header("sec-fetch-mode").is_some() || request.header("sec-fetch-dest").is_some();
        if !is_navigation {
            Self::Script
        } else if request.is_post() {
            // The button of our own page. Another site could push it for the payer.
            if says("sec-fetch-site", &["cross-site"]) { Self::Script } else { Self::Person }
        } else if tells {
            Self::Person
        } else {
            Self::Unknown
        }
    }
}

/// Returns the payer's network address, if it is a public one. `header` is the one that a trusted proxy sets.
pub(crate) fn payer(request: &Request, header: Option<&str>) -> Option<IpAddr> {
    let text = match header {
        Some(name) => request.header(name)?,
        None => request.source(),
    };
    let text = text.trim();
    let address = text.parse::<SocketAddr>().map(|socket| socket.ip()).ok();
    // CloudFront writes address and port without brackets, also of IPv6.
    let before_port = || text.rsplit_once(':')?.0.parse().ok();
    address.or_else(before_port).or_else(|| text.parse().ok()).filter(is_public)
}

/// Whether an address is one of the internet's. Vendors refuse any other.
fn is_public(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_broadcast()
                || address.is_multicast()
                || is_shared)
        }
        IpAddr::V6(address) => {
            !(address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_unique_local()
                || address.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, source: &str, headers: &[(&str, &str)]) -> Request {
        let headers: serde_json::Map<String, serde_json::Value> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let event = serde_json::json!({
            "version": "2.0", "headers": headers, "isBase64Encoded": false,
            "requestContext": { "http": { "method": method, "sourceIp": source }, "timeEpoch": 0 },
        });
        Request::from(serde_json::from_value::<api::Event>(event).unwrap())
    }

    #[test]
    fn a_person_is_told_from_programs() {
        let navigation = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        let with = |extra: &[(&'static str, &'static str)]| [&navigation[..], extra].concat();
        for (method, headers, expected) in [
            ("GET", with(&[]), Visitor::Person),
            ("GET", with(&[("sec-fetch-site", "cross-site")]), Visitor::Person),
            ("GET", vec![], Visitor::Unknown),
            ("GET", with(&[("sec-purpose", "prefetch;prerender")]), Visitor::Prefetch),
            ("GET", vec![("purpose", "prefetch")], Visitor::Prefetch),
            ("GET", vec![("x-moz", "prefetch")], Visitor::Prefetch),
            ("GET", vec![("x-purpose", "Preview")], Visitor::Prefetch),
            ("GET", vec![("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")], Visitor::Script),
            ("GET", vec![("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")], Visitor::Script),
            ("POST", with(&[("sec-fetch-site", "same-origin")]), Visitor::Person),
            ("POST", with(&[("sec-fetch-site", "none")]), Visitor::Person),
            ("POST", with(&[("sec-fetch-site", "cross-site")]), Visitor::Script),
            ("POST", vec![("sec-fetch-mode", "no-cors")], Visitor::Script),
            ("POST", vec![], Visitor::Person),
        ] {
            assert_eq!(Visitor::of(&request(method, "", &headers)), expected, "{method} {headers:?}");
        }
    }

    #[test]
    fn only_public_addresses_are_passed_on_and_only_trusted_headers_are_read() {
        let source = |source: &str| payer(&request("GET", source, &[("x-forwarded-for", "9.9.9.9")]), None);
        assert_eq!(source("93.184.215.14"), "93.184.215.14".parse().ok());
        assert_eq!(source("2606:2800:21f:cb07::1"), "2606:2800:21f:cb07::1".parse().ok());
        for address in
            ["127.0.0.1", "10.1.2.3", "192.168.0.1", "100.64.0.1", "::1", "fd00::1", "fe80::1", "", "x"]
        {
            assert_eq!(source(address), None, "{address}");
        }
        let named = |value: &str| {
            payer(
                &request("GET", "10.0.0.1", &[("cloudfront-viewer-address", value)]),
                Some("CloudFront-Viewer-Address"),
            )
        };
        assert_eq!(named("93.184.215.14:46532"), "93.184.215.14".parse().ok());
        assert_eq!(named("[2606:2800::1]:443"), "2606:2800::1".parse().ok());
        assert_eq!(
            named("2606:2800:21f:cb07:6820:80da:af6b:8b2c:46532"),
            "2606:2800:21f:cb07:6820:80da:af6b:8b2c".parse().ok()
        );
        assert_eq!(named("10.0.0.7:1"), None);
    }
}
