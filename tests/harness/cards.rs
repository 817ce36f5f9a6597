//! A shop that takes cards: the service, a double of Stripe, and what the functions of cards have.

use std::sync::Arc;
use std::time::Duration;

use cards::{Cards, LateMoney};
use domain::chain_config::Chains;
use domain::onramps::Onramps;
use doubles::WebhookTarget;
use doubles::stripe;
use http_client::{HttpsClient, Limits};
use onramp::{Stripe, StripeSecret};
use reqwest::{Client, Response, redirect};
use serde_json::{Value, json};

use super::{Answer, BASE, RECIPIENT, Service, Setup, TestClock, USDC, id_of, log, order_for, with};

const KEY: &str = "rk_test_51Hd83kXyZ";
/// What signs webhooks, during a rotation.
pub const SECRETS: [&str; 2] = ["whsec_old_8sXk2", "whsec_new_9tYl3"];
/// A test does not wait as long as a payer.
const PATIENCE: Duration = Duration::from_millis(600);

/// A shop that takes cards.
pub struct CardShop {
    pub service: Service,
    pub stripe: stripe::Stripe,
    /// What `watch-card` has.
    pub cards: Cards,
    pub setup: Setup,
}

impl CardShop {
    /// A shop at which no webhook arrives.
    pub async fn start() -> Self {
        let clock = TestClock::at_the_present();
        let now = clock.clone();
        let double = stripe::Stripe::start(
            stripe::Settings {
                secret_key: KEY.to_owned(),
                api_version: onramp::STRIPE_VERSION.to_owned(),
                webhook: None,
                now: Arc::new(move || now.now().as_millis()),
                onramp: None,
            },
            0,
        );
        let double = double.await.unwrap();
        log::keep([KEY.to_owned()].into_iter().chain(SECRETS.map(str::to_owned)));
        let account = account(&double, PATIENCE);
        let chain =
            json!([{ "chainId": BASE, "tokens": [USDC], "finality": "safe", "recipients": [RECIPIENT] }]);
        let setup = Setup {
            onramps: Onramps::parse("stripe-web2").unwrap(),
            stripe: Some(account.clone()),
            ..Setup::watching(Chains::parse(&chain.to_string()).unwrap())
        };
        let service = Service::start_at(&setup, &clock).await;
        let cards = Cards {
            store: service.store(),
            stripe: account,
            clock: clock.reader(),
            late_money: LateMoney::Refund,
        };
        Self { service, stripe: double, cards, setup }
    }

    /// A shop at which webhooks arrive.
    pub async fn with_webhooks() -> Self {
        let shop = Self::start().await;
        shop.stripe.set_webhook(Some(WebhookTarget {
            url: format!("{}/webhooks/stripe", shop.service.base),
            secrets: SECRETS.map(str::to_owned).to_vec(),
        }));
        shop
    }

    /// A session with an order that is paid by card: the ids of both.
    pub async fn order(&self, seconds: u64) -> (String, String) {
        let session = json!({
            "expires_in": seconds, "success_url": "https://shop.example/ok?s={SESSION_ID}",
            "cancel_url": "https://shop.example/no?s={SESSION_ID}",
        });
        let session = id_of(&self.service.create_session(session).await);
        let amount = json!({ "srcAmount": "93354000", "payload": { "expectedDstAmount": "93354000" } });
        let onramp = json!({ "onramp": { "vendor": "stripe-web2" } });
        let made = self.service.create_order(with(with(order_for(&session), amount), onramp)).await;
        (session, id_of(&made))
    }

    pub async fn visit(&self, order: &str) -> Response {
        visit(&self.service, order).await
    }

    /// Opens the link, and returns the id of the Checkout Session that it leads to.
    pub async fn checkout(&self, order: &str) -> String {
        let response = self.visit(order).await;
        assert_eq!(response.status(), 303, "{}", response.text().await.unwrap_or_default());
        let location = response.headers()["location"].to_str().unwrap();
        location.rsplit('/').next().unwrap().to_owned()
    }

    /// How often a call was made.
    pub fn calls(&self, call: &str) -> usize {
        self.stripe.calls().iter().filter(|(made, _)| made.starts_with(call)).count()
    }

    pub async fn look(&self, order: &str) {
        let run = watch_card::run(&self.cards).await.unwrap();
        assert_eq!(run.failed, 0, "{order}");
    }

    pub async fn statuses(&self, session: &str, order: &str) -> (String, String) {
        (self.service.order_status(order).await, self.service.session_status(session).await)
    }

    pub async fn webhook(&self, signature: Option<&str>, body: &str) -> Answer {
        let request = self.service.post("/webhooks/stripe").body(body.to_owned());
        let request =
            signature.into_iter().fold(request, |request, it| request.header("stripe-signature", it));
        self.service.send(request).await
    }

    /// Returns how often an order is paid by card: never or once. Panics if a charge for it neither counts nor was given
    /// back.
    pub async fn paid_by_card(&self, order: &str, case: &str) -> usize {
        let shown = self.service.get_order(order).await;
        let payments = shown.ok()["cardPayments"].as_array().cloned().unwrap_or_default();
        let counting = payments.iter().filter(|payment| payment["counts"] == true).count();
        assert!(counting <= 1, "{case}: {payments:?}");
        for charge in self.charges(order) {
            let known =
                payments.iter().find(|payment| payment["paymentIntentId"] == charge["payment_intent"]);
            let known = known.unwrap_or_else(|| panic!("{case}: {charge} is not known"));
            let refunded = if known["counts"] == true { json!(0) } else { charge["amount"].clone() };
            assert_eq!(charge["amount_refunded"], refunded, "{case}: {known}");
        }
        counting
    }

    /// The charges for an order.
    pub fn charges(&self, order: &str) -> Vec<Value> {
        let checkouts = self.checkouts(order).into_iter();
        let intents: Vec<Value> = checkouts.map(|mut checkout| checkout["payment_intent"].take()).collect();
        let charges = self.stripe.charges().into_iter();
        charges.filter(|charge| intents.contains(&charge["payment_intent"])).collect()
    }

    /// The Checkout Sessions of an order.
    pub fn checkouts(&self, order: &str) -> Vec<Value> {
        self.stripe.checkout_sessions_for(order)
    }

    /// The Checkout Sessions of an order that can be paid.
    pub fn open_checkouts(&self, order: &str) -> Vec<String> {
        let checkouts = self.checkouts(order).into_iter();
        let open = checkouts.filter(|session| session["status"] == "open");
        open.map(|session| session["id"].as_str().unwrap().to_owned()).collect()
    }
}

/// The merchant's account at this double, whose answers are awaited for so long.
pub fn account(double: &stripe::Stripe, patience: Duration) -> Stripe {
    let secret = json!({ "key": KEY, "webhookSecrets": SECRETS }).to_string();
    let http = HttpsClient::new(Limits { answer: patience, ..Limits::default() }).unwrap();
    Stripe::new(http, StripeSecret::parse(&secret).unwrap()).at(double.url())
}

/// A person follows an order's link.
pub async fn visit(service: &Service, order: &str) -> Response {
    let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
    let request = client.get(format!("{}/orders/{order}/pay", service.base));
    let request = request.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document");
    request.send().await.unwrap()
}
