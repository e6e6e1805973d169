//! Tells the service manager of the machine how the gate stands (`sd_notify(3)`), where one asks for it: whoever starts or restarts a gate that does
//! not come up is told so at once, and not by the first officer in front of it.

use std::{
    env,
    ffi::OsStr,
    io,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
};

/// It serves.
pub(crate) const READY: &str = "READY=1";
/// It ends, once what is in flight has ended.
pub(crate) const STOPPING: &str = "STOPPING=1";

/// Says how the gate stands, if anybody listens.
pub(crate) fn tell(state: &str) {
    let Some(socket) = env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(fault) = send(&socket, state) {
        tracing::warn!(event = "service_manager_not_told", state, %fault);
    }
}

fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    let address = match socket.as_bytes().split_first() {
        // A socket that has no place in the file system.
        Some((b'@', name)) => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_is_told_by_either_kind_of_socket() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let hidden = format!("poort-notify-{}", std::process::id());
        let there = UnixDatagram::bind(&path).unwrap();
        let abstracted = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&hidden).unwrap()).unwrap();
        let name = format!("@{hidden}");
        for (manager, socket) in [(there, path.as_os_str()), (abstracted, OsStr::new(&name))] {
            send(socket, READY).unwrap();
            let mut said = [0; 64];
            let length = manager.recv(&mut said).unwrap();
            assert_eq!(&said[..length], READY.as_bytes());
        }
        assert!(send(OsStr::new("/nowhere/at/all"), READY).is_err());
    }
}
