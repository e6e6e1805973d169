//! Three old applications of a police zone, with invented data, that nobody will change, and that write down all they receive.
//!
//! | path | what |
//! |---|---|
//! | `/persons/{nn}`, `/vehicles/{plate}`, `/firearms/{serial}` | one entry, as HTML or JSON; POST alters its remark |
//! | `/search?name=` | entries of a person, on every source |
//! | `/login`, `/moved` | cookies and redirects that name the application's own host and prefix |
//! | `/echo` | what was received, as JSON |
//! | `/events`, `/ws` | server-sent events, with `early` before the body was read; a WebSocket that sends back what it hears |
//! | `/slow?seconds=`, `/trickle?seconds=`, `/large?bytes=`, `/status/{code}` | slow, big and odd answers |
//! | `/leak`, `/encoded` | a database's error with its stack trace; an answer in gzip that nobody asked for |
//! | `/broken/{how}` | answers that break the protocol: see [`BROKEN`] |

mod bound;
mod odd;
mod received;
mod register;
mod vouched;

pub use odd::BROKEN;
pub use received::Received;
pub use register::{Register, has_valid_check_digits};
pub use vouched::Vouched;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::DemoError;
use crate::wire::{Connection, Handler, Head, Reply, ServedOver, Server};
use bound::Bound;
use received::Journal;

/// How a source knows its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Authentication {
    /// It does not: it believes whoever reaches it.
    #[default]
    None,
    /// By connection, as NTLM and Negotiate do: the first request on a connection names the user of all that follow on it.
    /// A gate that pools such connections swaps users.
    Connection,
}

/// A source to be started.
#[derive(Clone)]
pub struct SourceOptions {
    /// Which register it serves.
    pub register: Register,
    /// The name it believes to have, in redirects and cookies.
    pub internal_host: String,
    /// The path below which it lives, such as `/app`; empty for the root.
    pub prefix: String,
    /// How it knows its users.
    pub authentication: Authentication,
    /// Whose word it takes on who asks; none: it believes whoever reaches it.
    pub vouched: Option<Vouched>,
    /// TLS or not.
    pub over: ServedOver,
    /// Where it listens; port 0 lets the system choose.
    pub address: SocketAddr,
}

impl SourceOptions {
    /// Plain HTTP below `/` on a port the system chooses, as `ID.internal`.
    pub fn new(register: Register) -> Self {
        Self {
            register,
            internal_host: format!("{}.internal", register.id()),
            prefix: String::new(),
            authentication: Authentication::None,
            vouched: None,
            over: ServedOver::Plain,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    }
}

/// A running source. Dropping it stops it.
pub struct Source {
    server: Server<Application>,
    application: Arc<Application>,
}

impl Source {
    /// Starts listening.
    ///
    /// # Errors
    /// When the port is taken or the certificate does not fit its key.
    pub fn start(options: SourceOptions) -> Result<Self, DemoError> {
        let (address, over) = (options.address, options.over.clone());
        let application = Arc::new(Application { options, journal: Journal::default() });
        let server = Server::start(address, &over, application.clone())?;
        Ok(Self { server, application })
    }

    /// Its id in the gate's configuration: the register's name.
    pub fn id(&self) -> &'static str {
        self.application.options.register.id()
    }

    /// What it was started with; the address is the one asked for, not the one found.
    pub fn options(&self) -> &SourceOptions {
        &self.application.options
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Everything received so far, oldest first. A request appears as soon as its head was read.
    pub fn received(&self) -> Vec<Received> {
        self.application.journal.all()
    }

    /// The last request received.
    pub fn last(&self) -> Option<Received> {
        self.application.journal.all().pop()
    }

    /// How many requests were received.
    pub fn count(&self) -> usize {
        self.application.journal.count()
    }

    /// Forgets what was received.
    pub fn forget(&self) {
        self.application.journal.clear();
    }

    /// Waits until at least `count` requests were received, or `limit` passed, and gives what there is.
    pub async fn wait_for(&self, count: usize, limit: Duration) -> Vec<Received> {
        self.application.journal.wait(limit, |all| all.len() >= count).await
    }

    /// Waits until the request at `index` was received whole or broke off, or `limit` passed.
    pub async fn wait_for_end(&self, index: usize, limit: Duration) -> Option<Received> {
        let all =
            self.application.journal.wait(limit, |all| all.get(index).is_some_and(Received::has_ended)).await;
        all.into_iter().nth(index)
    }

    /// Refuses connections, and cuts those there are, until [`Source::open`].
    pub async fn close(&self) {
        self.server.close().await;
    }

    /// Listens again after [`Source::close`].
    ///
    /// # Errors
    /// When the port was taken meanwhile.
    pub fn open(&self) -> Result<(), DemoError> {
        self.server.open()
    }
}

/// What an application shows that was never meant to be asked this.
const LEAK: &str = "<!DOCTYPE html><html lang=en><title>Error</title><h1>Error 500</h1><pre>\
java.sql.SQLSyntaxErrorException: ORA-01756: quoted string not properly terminated\n\
\tat oracle.jdbc.driver.T4CTTIoer11.processError(T4CTTIoer11.java:509)\n\
\tat be.zone.persons.dao.PersonDao.find(PersonDao.java:112)\n</pre>";

/// `hello` in gzip (RFC 1952).
fn encoded() -> Reply {
    const HELLO: [u8; 25] = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 7, 0, 0x86, 0xa6, 0x10, 0x36, 5, 0,
        0, 0,
    ];
    let reply = Reply { body: HELLO.to_vec(), ..Reply::status(200) };
    reply.header("Content-Type", "text/html").header("Content-Encoding", "gzip")
}

struct Application {
    options: SourceOptions,
    journal: Journal,
}

/// Whether a connection carries another request.
pub(crate) enum Next {
    Another(Connection),
    End,
}

impl Handler for Application {
    async fn serve(&self, mut connection: Connection) {
        let mut bound = Bound::default();
        while let Ok(Some(head)) = connection.head().await {
            let index = self.journal.open(&connection, &head);
            // Answered before its body is read, as servers do that refuse an upload.
            if head.path().ends_with("/broken/early") {
                let _ = connection.reply(&head, &Reply::status(400)).await;
                return;
            }
            // Or begins to speak while it still listens.
            if odd::speaks_first(&head) && odd::begin_events(&mut connection).await.is_err() {
                return;
            }
            let read = connection.body(&head, |piece| self.journal.append(index, piece)).await;
            self.journal.end(index, read.is_ok());
            if read.is_err() {
                return;
            }
            let close = head.wants_close();
            match self.answer(connection, &head, index, &mut bound).await {
                Ok(Next::Another(same)) if !close => connection = same,
                _ => return,
            }
        }
    }
}

impl Application {
    async fn answer(
        &self,
        mut connection: Connection,
        head: &Head,
        index: usize,
        bound: &mut Bound,
    ) -> std::io::Result<Next> {
        if let Some(vouched) = &self.options.vouched
            && let Err(refusal) = vouched.judge(self.options.register.id(), head)
        {
            connection.reply(head, &refusal).await?;
            return Ok(Next::Another(connection));
        }
        let mut user = None;
        if self.options.authentication == Authentication::Connection {
            match bound.judge(head) {
                Ok(name) => user = Some(name),
                Err(challenge) => {
                    connection.reply(head, &challenge).await?;
                    return Ok(Next::Another(connection));
                }
            }
        }
        let Some(path) = head.path().strip_prefix(self.options.prefix.as_str()) else {
            connection.reply(head, &Reply::text(404, "text/plain", "no such application\n")).await?;
            return Ok(Next::Another(connection));
        };
        let received = self.journal.at(index).unwrap_or_default();
        if let Some(reply) = self.plain(path, head, &received) {
            let reply = match user {
                Some(user) => reply.header("X-Signed-In-As", &user),
                None => reply,
            };
            connection.reply(head, &reply).await?;
            return Ok(Next::Another(connection));
        }
        odd::answer(connection, head, path).await
    }

    fn plain(&self, path: &str, head: &Head, received: &Received) -> Option<Reply> {
        match path {
            "/echo" => Some(Reply::json(200, &received.to_json())),
            "/login" => Some(self.login(head)),
            "/moved" => Some(self.moved()),
            "/leak" => Some(Reply::text(500, "text/html; charset=utf-8", LEAK)),
            "/encoded" => Some(encoded()),
            _ => register::answer(self.options.register, path, head, &received.body),
        }
    }

    /// A session cookie that is bound to the host and path the application believes to have, over a plain connection.
    fn login(&self, head: &Head) -> Reply {
        let path = if self.options.prefix.is_empty() { "/" } else { &self.options.prefix };
        let user = head.query("user").unwrap_or_else(|| "guest".to_owned());
        let session =
            format!("JSESSIONID=0a1b2c-{user}; Domain={}; Path={path}; HttpOnly", self.options.internal_host);
        let reply = Reply::text(200, "text/plain", "signed in\n")
            .header("Set-Cookie", &session)
            .header("Set-Cookie", "theme=dark");
        // As one would that was taken over.
        head.query("plant")
            .iter()
            .fold(reply, |reply, name| reply.header("Set-Cookie", &format!("{name}=planted; Path=/; Secure")))
    }

    /// A redirect to where the application believes to be.
    fn moved(&self) -> Reply {
        let Self { options: SourceOptions { internal_host, prefix, over, .. }, .. } = self;
        Reply::status(302)
            .header("Location", &format!("{}://{internal_host}{prefix}/echo?moved=1", over.scheme()))
    }
}

#[cfg(test)]
mod tests;
