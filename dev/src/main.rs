//! `cargo dev`: the service on this machine. `cargo dev pay`: its payment processor.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program talks to its terminal"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use checkout::amount::Amount;
use checkout::api::{Clock, SigningSecrets};
use checkout::config::{forwarder_factory, optional, session_retention};
use checkout::deposit_address::ForwarderFactory;
use clap::{Args, Parser, Subcommand};
use dev::functions::{Environment, Functions};
use dev::pay::{Payment, PaymentProcessor};
use dev::template::Template;
use dev::{engine, gateway};
use tokio::net::TcpListener;

/// The factory of the deposit addresses' test vector: nobody controls it, so no real money
/// must be sent to addresses that the local run shows.
const LOCAL_FACTORY: &str = "0xb8f034f6ab8280ad7534f4850e0c243dc4f92a0d";
const LOCAL_TABLE: &str = "checkout";

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
    /// Plays the payment processor: signs and sends the events of a payment
    Pay(Pay),
}

#[derive(Args)]
struct Serve {
    /// The port to serve on
    #[arg(long, default_value_t = 9000)]
    port: u16,
    /// Keep the database in this file instead of in memory
    #[arg(long, conflicts_with = "dynamodb_endpoint")]
    data: Option<PathBuf>,
    /// The port of the embedded database engine; any free one where it is not given
    #[arg(long, default_value_t = 0, conflicts_with = "dynamodb_endpoint")]
    engine_port: u16,
    /// Use the DynamoDB at this URL instead of the embedded engine
    #[arg(long)]
    dynamodb_endpoint: Option<String>,
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
    /// The port that the service is served on
    #[arg(long, default_value_t = 9000)]
    port: u16,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => serve(cli.serve).await,
        Some(Command::Pay(pay)) => play(pay).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One plain line, without the backtrace that `main` would add.
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Serve) -> Result<()> {
    checkout::api::start_logging()?;
    let listener = TcpListener::bind(("127.0.0.1", options.port))
        .await
        .with_context(|| format!("port {} cannot be used; choose another with --port", options.port))?;
    let base = format!("http://{}", listener.local_addr()?);
    let port = listener.local_addr()?.port();

    let (endpoint, engine) = if let Some(endpoint) = options.dynamodb_endpoint {
        (endpoint.clone(), endpoint)
    } else {
        let endpoint = engine::start_embedded(options.data.as_deref(), options.engine_port).await?;
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
    leave_secret(port, &secret).context("the events' secret cannot be kept for `cargo dev pay`")?;
    let clock = Clock::system();
    let functions = Functions::new(Environment {
        aws,
        table: LOCAL_TABLE.to_owned(),
        clock: clock.clone(),
        secrets: SigningSecrets::parse(&secret).context(SECRET)?,
        factory: factory()?,
        retention: session_retention()?,
    });
    let router = gateway::logged(gateway::router(&template, functions, clock)?);

    println!("Serving   {base}");
    println!("Database  {engine}, table {LOCAL_TABLE}");
    println!("Secret    {SECRET}={secret}");
    println!("Try       curl -X POST {base}/checkout-sessions -d '{{}}'");
    println!("Stop      Ctrl-C\n");
    axum::serve(listener, router)
        .with_graceful_shutdown(async {
            // Where no signal can be awaited, stopping is the terminal's affair.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
            println!("\nStopped.");
        })
        .await?;
    // Nobody signs with it any more; a file that is gone already is no harm.
    let _gone = std::fs::remove_file(secret_file(port));
    Ok(())
}

async fn play(options: Pay) -> Result<()> {
    let base = format!("http://127.0.0.1:{}", options.port);
    let secret = match optional(SECRET) {
        Some(secret) => secret,
        None => std::fs::read_to_string(secret_file(options.port)).with_context(|| {
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

const SECRET: &str = "PAYMENT_EVENTS_SECRET";

fn factory() -> Result<ForwarderFactory> {
    match optional("FORWARDER_FACTORY") {
        Some(_) => Ok(forwarder_factory()?),
        None => Ok(ForwarderFactory::parse(LOCAL_FACTORY)?),
    }
}

/// 32 random bytes. Good enough to sign events of play money; a real secret comes from a
/// secrets manager.
fn fresh_secret() -> String {
    use base64::Engine as _;
    let bytes: [u8; 32] = std::array::from_fn(|_| fastrand::u8(..));
    format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode(bytes))
}

fn leave_secret(port: u16, secret: &str) -> std::io::Result<()> {
    let file = secret_file(port);
    // Cargo may build elsewhere, and then nobody has made the folder yet.
    file.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    std::fs::write(file, secret)
}

/// Where a running `cargo dev` leaves its secret for `cargo dev pay` in another terminal.
fn secret_file(port: u16) -> PathBuf {
    let target = concat!(env!("CARGO_MANIFEST_DIR"), "/../target");
    PathBuf::from(target).join(format!("cargo-dev-{port}.secret"))
}

fn amount(text: &str) -> Result<Amount, checkout::invalid::Invalid> {
    Amount::parse(text)
}
