//! A program, running as one instance of a Lambda function.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use axum::body::Bytes;
use serde_json::Value;

use crate::cold_start::certificate::Certificates;
use crate::cold_start::cpu_share::CpuShare;
use crate::cold_start::cpus::Cpus;
use crate::cold_start::dynamodb::{DynamoDb, TABLE};
use crate::cold_start::event::SECRET;
use crate::cold_start::process::{self, CpuTime};
use crate::cold_start::runtime_api::{Notice, RuntimeApi};

/// The longest that anything is waited for: by far too long at any share of a CPU.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a silent program is looked after: one that has ended says nothing.
const LOOK: Duration = Duration::from_millis(100);

/// What each instance stands on.
pub struct Surroundings {
    /// The database.
    pub dynamodb: DynamoDb,
    /// What it shows, and how to trust it.
    pub certificates: Certificates,
    /// The part of a CPU that a measured instance gets from its first event on; a whole CPU if it is `None`.
    pub cpu_share: Option<CpuShare>,
    /// How long each answer of it takes at least.
    pub round_trip: Duration,
    /// Whether the events' secret comes from Secrets Manager, as the template deploys it.
    pub secrets_manager: bool,
    /// Where programs run.
    pub cpus: Cpus,
    /// Where a program's output goes.
    pub folder: PathBuf,
}

impl Surroundings {
    /// What Lambda sets, and what `template.yaml` sets.
    fn environment(&self, name: &str, api: &RuntimeApi) -> Vec<(&'static str, String)> {
        let path = |path: &Path| path.display().to_string();
        let endpoint = &self.dynamodb.endpoint;
        let mut environment = vec![
            ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
            // As long as a role's.
            ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEXAMPLE+/".repeat(32)),
            ("AWS_REGION", "eu-central-1".to_owned()),
            ("AWS_DEFAULT_REGION", "eu-central-1".to_owned()),
            ("AWS_LAMBDA_FUNCTION_NAME", name.to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()),
            ("AWS_LAMBDA_LOG_LEVEL", "INFO".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/checkout/{name}")),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/15/[$LATEST]0123456789abcdef".to_owned()),
            ("AWS_LAMBDA_RUNTIME_API", api.address.to_string()),
            ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR".to_owned()),
            ("AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129:2000".to_owned()),
            ("_HANDLER", "bootstrap".to_owned()),
            ("LAMBDA_TASK_ROOT", "/var/task".to_owned()),
            ("LAMBDA_RUNTIME_DIR", "/var/runtime".to_owned()),
            ("LANG", "en_US.UTF-8".to_owned()),
            ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin".to_owned()),
            ("TZ", ":UTC".to_owned()),
            // The template's.
            ("TABLE_NAME", TABLE.to_owned()),
            ("RUST_LOG", "INFO".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", endpoint.clone()),
            ("FORWARDER_FACTORY", "0xb8f034f6ab8280ad7534f4850e0c243dc4f92a0d".to_owned()),
            ("SESSION_RETENTION_DAYS", "30".to_owned()),
            // Whom to trust beyond a public authority.
            ("SSL_CERT_FILE", path(&self.certificates.system_roots)),
            ("AWS_CA_BUNDLE", path(&self.certificates.own_root)),
        ];
        if self.secrets_manager {
            let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:checkout-events-a1b2c3";
            environment.push(("PAYMENT_EVENTS_SECRET_ARN", arn.to_owned()));
            environment.push(("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint.clone()));
        } else {
            environment.push(("PAYMENT_EVENTS_SECRET", SECRET.to_owned()));
        }
        environment
    }
}

/// A running instance. It ends with this value.
pub struct Instance {
    name: String,
    child: Child,
    api: RuntimeApi,
    output: PathBuf,
    /// From just before it was started until it asked for its first event.
    pub init: Duration,
}

/// An answered invocation.
pub struct Invocation {
    /// From when the event could be had until all of the answer was there.
    pub time: Duration,
    /// The answer's body.
    pub body: Value,
}

impl Instance {
    /// Starts a program and waits until it asks for an event. If `share` is given, it limits the events. Init is never
    /// limited, which is how Lambda treats it.
    pub async fn start(
        name: &str,
        program: &Path,
        surroundings: &Surroundings,
        share: Option<&CpuShare>,
    ) -> Result<Self> {
        let api = RuntimeApi::start().await?;
        let output = surroundings.folder.join(format!("{name}.log"));
        let log = File::create(&output)?;
        let mut command = Command::new(program);
        command.env_clear().envs(surroundings.environment(name, &api));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let (child, started) = start_within(share, &surroundings.cpus, &mut command)
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let mut instance = Self { name: name.to_owned(), child, api, output, init: Duration::ZERO };
        instance.init = instance.ready().await? - started;
        if let Some(share) = share {
            share.limit()?;
        }
        Ok(instance)
    }

    /// Hands out an event, and waits for its answer and until the instance asks for the next one. Any
    /// response but 200 with this message is an error: the speed of a refusal must not pass for the speed of a success.
    pub async fn invoke(&mut self, event: &Value, message: Option<&str>) -> Result<Invocation> {
        let event = Bytes::from(event.to_string());
        let handed_out = Instant::now();
        self.api.hand_out(event)?;
        let (time, answer) = match self.notice().await? {
            Notice::Answered(at, answer) => (at - handed_out, answer),
            Notice::Failed(reason) => bail!(self.failed(&reason)),
            Notice::Ready(_) => bail!(self.failed("it asked for an event before it had answered the last")),
        };
        self.ready().await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        let body = answer.get("body").and_then(Value::as_str).context("an answer without a body")?;
        let body: Value = serde_json::from_str(body)?;
        let said = body.get("message").and_then(Value::as_str);
        if answer.get("statusCode") != Some(&Value::from(200)) || said != message {
            bail!(self.failed(&format!("it answered {answer}")));
        }
        Ok(Invocation { time, body })
    }

    /// The CPU time that it has used so far.
    pub fn cpu_time(&self) -> Result<CpuTime> {
        CpuTime::of(self.child.id())
    }

    /// The most memory that it ever had in use, in KiB.
    pub fn peak_memory(&self) -> Result<u32> {
        process::peak_memory(self.child.id())
    }

    async fn ready(&mut self) -> Result<Instant> {
        match self.notice().await? {
            Notice::Ready(at) => Ok(at),
            Notice::Failed(reason) => bail!(self.failed(&reason)),
            Notice::Answered(..) => bail!(self.failed("it answered without an event")),
        }
    }

    async fn notice(&mut self) -> Result<Notice> {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if let Ok(notice) = tokio::time::timeout(LOOK, self.api.notice()).await {
                return notice;
            }
            if let Some(status) = self.child.try_wait()? {
                bail!(self.failed(&format!("it ended with {status}")));
            }
        }
        bail!(self.failed(&format!("it said nothing for {PATIENCE:?}")))
    }

    /// What went wrong, and what the program has printed.
    fn failed(&self, reason: &str) -> String {
        format!("{}: {reason}\n{}", self.name, fs::read_to_string(&self.output).unwrap_or_default())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Starts a process from a thread of its own: that one goes to its CPUs and into the control group, and what it starts
/// is born there.
fn start_within(share: Option<&CpuShare>, cpus: &Cpus, command: &mut Command) -> Result<(Child, Instant)> {
    std::thread::scope(|scope| {
        let starting = scope.spawn(|| {
            cpus.enter()?;
            if let Some(share) = share {
                share.lift()?;
                share.enter()?;
            }
            let started = Instant::now();
            Ok((command.spawn()?, started))
        });
        starting.join().map_err(|_| anyhow!("the thread that starts it panicked"))?
    })
}
