//! `cargo dev`: the service on this machine. `cargo dev pay`: its payment processor, or a payer on its chain.
//! `cargo dev event`: an event for one of its functions. `cargo dev chains`: the chains of a deployment.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program talks to its terminal"
)]

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use dev::event::Events;
use dev::functions::{Environment, Functions};
use dev::keys::{self, NewKey};
use dev::local_chain::{self, LocalChain};
use dev::onramp::LocalOnramps;
use dev::pay::{Payment, PaymentProcessor};
use dev::payer::Payer;
use dev::running::Running;
use dev::template::Template;
use dev::{chains, demo, engine, gateway};
use domain::amount::Amount;
use domain::api_key::Role;
use domain::chain_config::Revision;
use domain::merchant::Merchant;
use domain::text::Text;
use runtime::config::{self, Settings, optional};
use runtime::{Clock, SigningSecrets};
use store::Store;
use tokio::net::TcpListener;
use watch_chain::ChainWatcher;

const LOCAL_TABLE: &str = "checkout";

/// The settings of functions that the local run takes from its own environment.
const SETTINGS: Settings = Settings::declared(&[
    config::CHAINS,
    config::FORWARDER_FACTORY,
    config::ORDER_HISTORY,
    config::REDIRECT_SCHEMES,
    config::REQUIRE_API_KEY,
    config::SESSION_RETENTION_DAYS,
]);

/// Runs the checkout-session service on this machine.
#[derive(Parser)]
#[command(name = "cargo dev", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Subcommand)]
enum Command {
    /// Simulates the payment processor, which signs and sends the events of a payment, or a payer on the chain
    Pay(Pay),
    /// Prints the API Gateway event of a function, for a session and an order that it creates in the running `cargo dev`
    Event(Event),
    /// Stores the configuration of the chains in the table of a deployment, or prints it
    #[command(subcommand)]
    Chains(ChainsCommand),
    /// Creates, lists, rotates or revokes API keys in the table of a deployment
    #[command(subcommand)]
    Key(KeyCommand),
    /// Lists the commands of this repository, and the variables that they read
    Commands,
}

#[derive(Subcommand)]
enum ChainsCommand {
    /// Checks a JSON file, stores it as a new revision, and prints the command that deploys it
    Put {
        /// The file, as docs/chain-payments.md describes it
        file: PathBuf,
        #[command(flatten)]
        table: TableOptions,
    },
    /// Prints a revision
    Show {
        #[command(flatten)]
        table: TableOptions,
        /// Its number; the newest revision if it is not given
        #[arg(long)]
        revision: Option<Revision>,
    },
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Creates a key and prints it. It is shown this once: the table holds its hash
    Create {
        /// `secret` reads and writes, `read` only reads
        #[arg(long, default_value = "secret", value_parser = role)]
        role: Role,
        /// What to call the key
        #[arg(long, value_parser = name)]
        name: Option<Text<200>>,
        /// How long the key is accepted, such as 90d; without an end if it is not given
        #[arg(long, value_parser = keys::duration)]
        expires_in: Option<Duration>,
        #[command(flatten)]
        of: KeyOptions,
    },
    /// Lists a merchant's keys
    List {
        #[command(flatten)]
        of: KeyOptions,
    },
    /// Creates a key in place of an earlier one, which is accepted for a while longer
    Rotate {
        /// The earlier key's id
        id: String,
        /// How long the earlier key is still accepted
        #[arg(long, default_value = "24h", value_parser = keys::duration)]
        overlap: Duration,
        #[command(flatten)]
        of: KeyOptions,
    },
    /// Revokes a key: within ten seconds it is refused everywhere
    Revoke {
        /// The key's id
        id: String,
        #[command(flatten)]
        of: KeyOptions,
    },
}

#[derive(Args)]
struct KeyOptions {
    /// Whose keys they are
    #[arg(long, default_value = Merchant::DEFAULT, value_parser = merchant)]
    merchant: Merchant,
    #[command(flatten)]
    table: TableOptions,
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).map_err(|invalid| invalid.to_string())
}

fn name(text: &str) -> Result<Text<200>, String> {
    Text::parse(text.to_owned()).map_err(|invalid| invalid.to_string())
}

fn merchant(text: &str) -> Result<Merchant, String> {
    Merchant::parse(text).map_err(|invalid| invalid.to_string())
}

#[derive(Args)]
struct TableOptions {
    /// The DynamoDB table: the output `TableName` of the stack
    // An id of its own: `key create --name` has the other.
    #[arg(long = "table", id = "table", value_name = "NAME")]
    name: String,
    /// Use the DynamoDB at this URL instead of the one in the AWS account of this shell
    #[arg(long)]
    dynamodb_endpoint: Option<String>,
}

#[derive(Args)]
struct Event {
    /// The function, for example `get-order`
    function: String,
    /// The port that the service is served on
    #[arg(long, default_value_t = 9000)]
    port: u16,
}

#[derive(Args)]
struct Serve {
    /// The port to serve on
    #[arg(long, default_value_t = 9000)]
    port: u16,
    /// Keep the database in this file instead of in memory
    #[arg(long, conflicts_with = "dynamodb_endpoint")]
    data: Option<PathBuf>,
    /// The port of the embedded database engine; any free one if it is not given
    #[arg(long, default_value_t = 0, conflicts_with = "dynamodb_endpoint")]
    engine_port: u16,
    /// The network address that the engine listens on. It checks no credentials, so anything but 127.0.0.1 opens the
    /// database to the network. Containers need 0.0.0.0
    #[arg(long, default_value_t = engine::LOOPBACK, conflicts_with = "dynamodb_endpoint")]
    engine_host: IpAddr,
    /// Use the DynamoDB at this URL instead of the embedded engine
    #[arg(long)]
    dynamodb_endpoint: Option<String>,
    /// Also run a local EVM chain and its watcher: Base, with a USDC of play money. Needs Node.js
    // The chain starts empty each time. A kept database would hold deposits that this chain never had.
    #[arg(long, conflicts_with_all = ["data", "dynamodb_endpoint"])]
    chain: bool,
    /// Also run doubles of Coinbase and Stripe: payers buy play money, or pay with a card that is none. Only the demo
    /// shop can be paid then
    #[arg(long, requires = "chain")]
    onramp: bool,
}

#[derive(Args)]
struct Pay {
    /// An order's id, or that of a session with an order
    id: String,
    /// Deposit only this much, in the token's smallest unit
    #[arg(long, value_parser = amount, conflicts_with_all = ["fail", "refund"])]
    partial: Option<Amount>,
    /// Report that the settlement failed
    #[arg(long, conflicts_with = "refund")]
    fail: bool,
    /// Report that what was deposited went back
    #[arg(long)]
    refund: bool,
    /// Send the token on the chain of `cargo dev --chain`, and follow the session's status
    #[arg(long, conflicts_with_all = ["fail", "refund"])]
    on_chain: bool,
    /// The port that the service is served on
    #[arg(long, default_value_t = 9000)]
    port: u16,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => Box::pin(serve(cli.serve)).await,
        Some(Command::Pay(pay)) if pay.on_chain => pay_on_chain(pay).await,
        Some(Command::Pay(pay)) => play(pay).await,
        Some(Command::Event(event)) => print_event(event).await,
        Some(Command::Chains(command)) => chains_command(command).await,
        Some(Command::Key(command)) => key_command(command).await,
        Some(Command::Commands) => {
            print!("{}", commands());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line, without the backtrace that `main` would add.
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Serve) -> Result<()> {
    runtime::start_logging()?;
    let listener = TcpListener::bind(("127.0.0.1", options.port))
        .await
        .with_context(|| format!("port {} cannot be used; choose another with --port", options.port))?;
    let base = format!("http://{}", listener.local_addr()?);
    let port = listener.local_addr()?.port();

    let (endpoint, engine) = if let Some(endpoint) = options.dynamodb_endpoint {
        (endpoint.clone(), endpoint)
    } else {
        let (host, port) = (options.engine_host, options.engine_port);
        let endpoint = engine::start_embedded_on(host, options.data.as_deref(), port).await?;
        if !host.is_loopback() {
            eprintln!(
                "Warning   the database engine listens on {host} and checks no credentials: any machine that reaches \
                 this one can read and change the data"
            );
        }
        let kept = match &options.data {
            None => "in memory".to_owned(),
            Some(path) => format!("in {}", path.display()),
        };
        (endpoint.clone(), format!("embedded, {kept}, at {endpoint}"))
    };
    let template = Template::compiled_in()?;
    let aws = engine::sdk_config(&endpoint).await;
    engine::create_table(&aws, LOCAL_TABLE, &template.table).await?;

    let secret = optional(SECRET).unwrap_or_else(fresh_secret);
    let new_key = NewKey {
        merchant: Merchant::parse(Merchant::DEFAULT)?,
        role: Role::Secret,
        name: Some(Text::parse("cargo dev".to_owned())?),
        lifetime: None,
    };
    let (key, _) = keys::create(&Store::new(&aws, LOCAL_TABLE), new_key, Clock::system().now()).await?;
    let clock = Clock::system();
    let (chain, chains, factory) = if options.chain {
        let recipients: &[&str] = if options.onramp { &[demo::SHOP_RECIPIENT] } else { &[] };
        (Some(LocalChain::start().await?), LocalChain::chains(recipients)?, LocalChain::factory()?)
    } else {
        let chains = Store::new(&aws, LOCAL_TABLE).load_chains(SETTINGS.chains()?).await?;
        (None, chains, SETTINGS.forwarder_factory()?)
    };
    let vendors = match &chain {
        Some(chain) if options.onramp => Some(LocalOnramps::start(&clock, chain.endpoint(), &base).await?),
        Some(_) | None => None,
    };
    let watcher = chain.as_ref().map(|chain| chain.watcher(&aws, LOCAL_TABLE, clock.clone())).transpose()?;
    let running = Running::on(port);
    let left = running.write(&secret, key.reveal(), chain.as_ref().map(LocalChain::endpoint));
    left.context("the files for `cargo dev pay` cannot be written")?;
    let functions = Functions::new(Environment {
        aws,
        table: LOCAL_TABLE.to_owned(),
        clock: clock.clone(),
        secrets: SigningSecrets::parse(&secret).context(SECRET)?,
        factory,
        chains,
        retention: SETTINGS.session_retention()?,
        requires_key: SETTINGS.requires_api_key()?,
        public_orders: SETTINGS.has_public_order_history()?,
        schemes: SETTINGS.redirect_schemes()?,
        onramps: vendors.as_ref().map(|vendors| vendors.onramps.clone()).unwrap_or_default(),
        vendors: vendors.as_ref().map(|vendors| vendors.vendors.clone()).unwrap_or_default(),
        coinbase_webhooks: vendors.as_ref().map(|it| it.coinbase_webhooks.clone()).unwrap_or_default(),
        stripe: vendors.as_ref().map(|vendors| vendors.stripe.clone()),
        // The account has the secrets, and no proxy is before this service.
        stripe_webhooks: Vec::new(),
        client_ip_header: None,
        is_local: true,
    });
    let router = gateway::router(&template, functions, clock)?;
    let router = match &chain {
        Some(chain) => demo::router(router, chain.endpoint(), key.reveal()),
        None => router,
    };
    let serving = axum::serve(listener, gateway::logged(router)).with_graceful_shutdown(async {
        stop_asked_for().await;
        println!("\nStopped.");
    });
    let serving = tokio::spawn(serving.into_future());

    announce(&base, &engine, &secret, key.reveal(), chain.as_ref(), vendors.as_ref());
    if chain.is_some() {
        println!("Shop      {base}/shop");
        println!("Page      {}", demo::create_session(&base, key.reveal()).await?);
    }
    println!("Stop      Ctrl-C\n");
    tokio::select! {
        served = serving => served??,
        () = watch(watcher) => {}
    }
    running.remove();
    Ok(())
}

/// Says what runs, and how to reach it.
fn announce(
    base: &str,
    engine: &str,
    secret: &str,
    key: &str,
    chain: Option<&LocalChain>,
    vendors: Option<&LocalOnramps>,
) {
    println!("Serving   {base}");
    println!("Database  {engine}, table {LOCAL_TABLE}");
    println!("Secret    {SECRET}={secret}");
    println!("API key   {key}");
    if let Some(chain) = chain {
        println!("Chain     {} at {}, a block each second", local_chain::CHAIN, chain.endpoint());
        println!("USDC      {}, of play money", local_chain::USDC);
        println!("Payer     {} with {} of it", local_chain::PAYER, local_chain::FUNDS);
    }
    if let Some(vendors) = vendors {
        println!("Coinbase  a double at {}, which sells play money", vendors.coinbase.url());
        println!(
            "Stripe    a double at {}, which charges no card and sells play money",
            vendors.stripe_double.url()
        );
    }
    println!("Try       curl -X POST {base}/checkout-sessions -d '{{}}'");
}

/// Waits for Ctrl-C or SIGTERM. Without it, the chain's node would outlive this process.
async fn stop_asked_for() {
    #[cfg(unix)]
    let terminated = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminated) => terminated.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<Option<()>>();
    let interrupted = async {
        // If no signal can be awaited, the terminal stops the process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = terminated => {}
        () = interrupted => {}
    }
}

/// Watches the chain, if there is one, for as long as it is awaited.
async fn watch(watcher: Option<ChainWatcher>) {
    match watcher {
        Some(watcher) => local_chain::watch(watcher, |news| println!("The chain {news}")).await,
        None => std::future::pending().await,
    }
}

async fn play(options: Pay) -> Result<()> {
    let base = format!("http://127.0.0.1:{}", options.port);
    let secret = match optional(SECRET) {
        Some(secret) => secret,
        None => Running::on(options.port).secret().with_context(|| {
            format!("no `cargo dev` is running on port {}, and {SECRET} is not set", options.port)
        })?,
    };
    let payment = match options.partial {
        Some(amount) => Payment::Partial(amount),
        None if options.fail => Payment::Fail,
        None if options.refund => Payment::Refund,
        None => Payment::Full,
    };
    PaymentProcessor::new(base, &secret)
        .pay(&options.id, payment, |event, status| {
            println!("{event:<16} → order is {status}");
        })
        .await
}

async fn pay_on_chain(options: Pay) -> Result<()> {
    let base = format!("http://127.0.0.1:{}", options.port);
    let endpoint = Running::on(options.port)
        .chain()
        .with_context(|| format!("no `cargo dev --chain` is running on port {}", options.port))?;
    let start = Instant::now();
    Payer::new(base, &endpoint)?
        .pay(&options.id, options.partial, |news| {
            println!("{:5.1} s  {news}", start.elapsed().as_secs_f64());
        })
        .await
}

async fn print_event(options: Event) -> Result<()> {
    let base = format!("http://127.0.0.1:{}", options.port);
    let secrets = optional(SECRET).into_iter().chain(Running::on(options.port).secret().ok());
    let event = Events::new(base, secrets)?
        .with_key(Running::on(options.port).key().ok())
        .event(&options.function)
        .await?;
    println!("{event:#}");
    Ok(())
}

async fn chains_command(command: ChainsCommand) -> Result<()> {
    match command {
        ChainsCommand::Put { file, table } => {
            let text = std::fs::read_to_string(&file);
            let text = text.with_context(|| format!("{} cannot be read", file.display()))?;
            let store = chains::open(&table.name, table.dynamodb_endpoint.as_deref()).await?;
            let stored = chains::put(&store, &text).await;
            let revision = stored.with_context(|| file.display().to_string())?;
            println!("Stored   revision {revision} in table {}", table.name);
            println!("Deploy   {}", chains::deploy_command(revision));
        }
        ChainsCommand::Show { table, revision } => {
            let store = chains::open(&table.name, table.dynamodb_endpoint.as_deref()).await?;
            let (revision, text) = chains::show(&store, revision).await?;
            eprintln!("Revision {revision} of table {}", table.name);
            println!("{text}");
        }
    }
    Ok(())
}

async fn key_command(command: KeyCommand) -> Result<()> {
    let now = Clock::system().now();
    let open =
        async |of: &KeyOptions| chains::open(&of.table.name, of.table.dynamodb_endpoint.as_deref()).await;
    match command {
        KeyCommand::Create { role, name, expires_in, of } => {
            let new = NewKey { merchant: of.merchant.clone(), role, name, lifetime: expires_in };
            let (key, record) = keys::create(&open(&of).await?, new, now).await?;
            println!("{}", key.reveal());
            eprintln!("{}", keys::describe(&record, now));
        }
        KeyCommand::List { of } => {
            for record in keys::list(&open(&of).await?, &of.merchant).await? {
                println!("{}", keys::describe(&record, now));
            }
        }
        KeyCommand::Rotate { id, overlap, of } => {
            let store = open(&of).await?;
            let (key, record, earlier) = keys::rotate(&store, &of.merchant, &id, overlap, now).await?;
            println!("{}", key.reveal());
            eprintln!("{}", keys::describe(&record, now));
            eprintln!("{}", keys::describe(&earlier, now));
        }
        KeyCommand::Revoke { id, of } => {
            let record = keys::revoke(&open(&of).await?, &of.merchant, &id, now).await?;
            println!("{}", keys::describe(&record, now));
        }
    }
    Ok(())
}

const SECRET: &str = "PAYMENT_EVENTS_SECRET";

/// Returns a secret of 32 random bytes. The generator is not cryptographic, which suffices for play money only.
fn fresh_secret() -> String {
    use base64::Engine as _;
    let bytes: [u8; 32] = std::array::from_fn(|_| fastrand::u8(..));
    format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode(bytes))
}

fn amount(text: &str) -> Result<Amount, domain::invalid::Invalid> {
    Amount::parse(text)
}

/// The section of CONTRIBUTING.md that lists the commands and their variables.
fn commands() -> &'static str {
    let document = include_str!("../../CONTRIBUTING.md");
    document.find("## Commands and knobs").map_or(document, |start| document.split_at(start).1)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// Two options of one command with the same id are refused only when that command runs.
    #[test]
    fn each_command_can_be_parsed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_key_has_a_name_and_a_table() {
        let parsed = Cli::try_parse_from(["dev", "key", "create", "--table", "checkout", "--name", "shop"]);
        assert!(parsed.is_ok(), "{:?}", parsed.err());
    }
}
