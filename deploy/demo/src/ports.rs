//! Ports that a child process can be told to listen on.

use std::net::{SocketAddr, TcpListener};

use aws_lc_rs::rand;
use parking_lot::Mutex;

use crate::DemoError;

/// Below what Linux hands out for outgoing connections and for port 0 (32768 and up): nothing else in a test run takes one of these
/// between the look and the child's bind.
const FROM: u16 = 20_000;
const COUNT: u16 = 12_000;

static TAKEN: Mutex<Vec<u16>> = Mutex::new(Vec::new());

/// A loopback address whose port was free a moment ago, and that this process gives out once.
///
/// A child cannot be handed port 0 where others must know its port before it is up.
///
/// # Errors
/// When a thousand ports in a row are taken.
pub fn free() -> Result<SocketAddr, DemoError> {
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrInUse);
    for _ in 0..1000 {
        let port = FROM + random() % COUNT;
        if TAKEN.lock().contains(&port) {
            continue;
        }
        match TcpListener::bind(loopback(port)) {
            Ok(_) => {
                TAKEN.lock().push(port);
                return Ok(loopback(port));
            }
            Err(error) => last = error,
        }
    }
    Err(DemoError::socket("a free port")(last))
}

/// The wished-for port if it is free, another otherwise.
///
/// # Errors
/// As [`free`].
pub fn friendly(port: u16) -> Result<SocketAddr, DemoError> {
    if TcpListener::bind(loopback(port)).is_ok() { Ok(loopback(port)) } else { free() }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn random() -> u16 {
    let mut bytes = [0; 2];
    // Without randomness the same port comes up every time, and the caller gives up after a thousand.
    let _ = rand::fill(&mut bytes);
    u16::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_out_twice_and_a_taken_one_is_left_alone() {
        let first = free().unwrap();
        let second = free().unwrap();
        assert_ne!(first, second);
        let holder = TcpListener::bind(first).unwrap();
        assert_ne!(friendly(first.port()).unwrap(), first);
        drop(holder);
        assert_eq!(friendly(first.port()).unwrap(), first);
    }
}
