//! Ports that a child process can be told to listen on.
//!
//! A child cannot be handed port 0 where others must know its port before it is up. So a port is reserved here, for as long as this
//! process lives: by a socket that is bound to it and does not listen. With `SO_REUSEADDR` on both, who names the port may listen on it,
//! and the system gives it to nobody who asks for any port or connects from any (Linux, `socket(7)`).

use std::io;
use std::net::SocketAddr;

use parking_lot::Mutex;
use tokio::net::TcpSocket;

use crate::DemoError;

static RESERVED: Mutex<Vec<TcpSocket>> = Mutex::new(Vec::new());

/// A loopback address whose port is reserved: nobody else comes by it.
///
/// # Errors
/// When there is none left.
pub fn free() -> Result<SocketAddr, DemoError> {
    reserve(0).map_err(DemoError::socket("a free port"))
}

/// The wished-for port if nobody listens on it, another otherwise.
///
/// # Errors
/// As [`free`].
pub fn friendly(port: u16) -> Result<SocketAddr, DemoError> {
    reserve(port).or_else(|_| free())
}

fn reserve(port: u16) -> io::Result<SocketAddr> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
    let address = socket.local_addr()?;
    RESERVED.lock().push(socket);
    Ok(address)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_reserved_port_is_nobody_elses_and_can_be_listened_on() {
        let reserved = free().unwrap();
        let others: Vec<_> = (0..200).map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap()).collect();
        let mut seen: HashSet<_> = others.iter().map(|other| other.local_addr().unwrap()).collect();
        seen.extend((0..200).map(|_| free().unwrap()));
        assert!(seen.len() == 400 && !seen.contains(&reserved));
        assert!(TcpStream::connect(reserved).is_err(), "nobody listens yet");
        for _ in 0..2 {
            let listener = TcpListener::bind(reserved).unwrap();
            assert!(TcpStream::connect(reserved).is_ok());
            assert!(TcpListener::bind(reserved).is_err(), "one listener at a time");
            drop(listener);
        }
    }

    #[test]
    fn a_wish_is_granted_unless_somebody_listens_there() {
        let wish = free().unwrap();
        let listener = TcpListener::bind(wish).unwrap();
        assert_ne!(friendly(wish.port()).unwrap(), wish);
        drop(listener);
        assert_eq!(friendly(wish.port()).unwrap(), wish);
    }
}
