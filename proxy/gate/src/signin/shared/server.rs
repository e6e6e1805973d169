//! The Redis server, as much of it as the state needs: commands with a time limit, and whether it answers.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue,
    IntoConnectionInfo as _, Pipeline, RedisConnectionInfo, RedisError, RedisResult, ScriptInvocation,
    TlsCertificates,
    aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection},
};
use tokio::sync::OnceCell;

use crate::{
    config::checked::{deploy::Redis, source::UpstreamHost},
    signin::state::Unkept,
};

/// How long an answer, or a connection, may take. A request may wait for it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Names of everything that gates share begin with this.
const PREFIX: &str = "poort";

/// A server, and whether it answers.
pub(super) struct Server {
    client: Client,
    /// Made by the first who asks: there is no runtime before.
    connection: OnceCell<ConnectionManager>,
    failing: AtomicBool,
}

impl Server {
    /// As the operators' file has it. Nothing is connected yet.
    pub(super) fn new(settings: &Redis) -> RedisResult<Self> {
        let host = match &settings.address.host {
            UpstreamHost::Address(address) => address.to_string(),
            UpstreamHost::Name(name) => name.clone(),
        };
        let port = settings.address.port.get();
        let address = match settings.ca {
            Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
            None => ConnectionAddr::Tcp(host, port),
        };
        let mut login = RedisConnectionInfo::default();
        if let Some(user) = &settings.user {
            login = login.set_username(user);
        }
        if let Some(password) = &settings.password {
            login = login.set_password(password.as_str());
        }
        let server: ConnectionInfo = address.into_connection_info()?.set_redis_settings(login);
        let client = match &settings.ca {
            Some(authorities) => {
                let root_cert = Some(authorities.iter().map(|der| pem(der)).collect::<String>().into_bytes());
                Client::build_with_tls(server, TlsCertificates { client_tls: None, root_cert })?
            }
            None => Client::open(server)?,
        };
        Ok(Self { client, connection: OnceCell::new(), failing: AtomicBool::new(false) })
    }

    /// Whether the last who asked got no answer.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Acquire)
    }

    async fn connection(&self) -> RedisResult<ConnectionManager> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            // Whoever asks is told at once; the next one tries again.
            .set_number_of_retries(1)
            .set_max_delay(PATIENCE / 4);
        let connect = async || ConnectionManager::new_lazy_with_config(self.client.clone(), config);
        self.connection.get_or_try_init(connect).await.cloned()
    }

    /// One command.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Unkept> {
        let answer = async { command.query_async(&mut self.connection().await?).await };
        self.within(answer).await
    }

    /// Several, all or none of which happen.
    pub(super) async fn ask_all<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Unkept> {
        let answer = async { commands.query_async(&mut self.connection().await?).await };
        self.within(answer).await
    }

    /// A script.
    pub(super) async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Unkept> {
        let answer = async { script.invoke_async(&mut self.connection().await?).await };
        self.within(answer).await
    }

    /// A connection of its own, for whoever waits at the server.
    pub(super) async fn listener(&self, wait: Duration) -> Result<MultiplexedConnection, Unkept> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE + wait));
        self.judge(self.client.get_multiplexed_async_connection_with_config(&config).await)
    }

    /// Notes whether an answer came.
    pub(super) fn judge<T>(&self, answer: RedisResult<T>) -> Result<T, Unkept> {
        match answer {
            Ok(answer) => {
                if self.failing.swap(false, Ordering::AcqRel) {
                    tracing::info!(event = "redis_answers");
                }
                Ok(answer)
            }
            Err(fault) => {
                self.note(&fault);
                Err(Unkept::Unreachable)
            }
        }
    }

    async fn within<T>(&self, answer: impl Future<Output = RedisResult<T>>) -> Result<T, Unkept> {
        match tokio::time::timeout(2 * PATIENCE, answer).await {
            Ok(answer) => self.judge(answer),
            Err(_) => self.judge(Err(RedisError::from((redis::ErrorKind::Io, "no answer in time")))),
        }
    }

    fn note(&self, fault: &RedisError) {
        if !self.failing.swap(true, Ordering::AcqRel) {
            tracing::error!(event = "redis_fails", %fault, remedy = "nobody can sign in until it answers");
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("failing", &self.failing).finish_non_exhaustive()
    }
}

/// Under which something is kept there.
pub(super) fn key(kind: &str, name: &str) -> String {
    format!("{PREFIX}:{kind}:{name}")
}

/// The same for what is itself a secret, or long: its digest stands for it.
pub(super) fn hidden_key(kind: &str, name: &str) -> String {
    key(kind, &URL_SAFE_NO_PAD.encode(digest(&SHA256, name.as_bytes())))
}

/// RFC 7468.
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
