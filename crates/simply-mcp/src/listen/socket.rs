//! The listening socket, and what to do when there is none to be had.

use std::{
    io,
    net::{self, SocketAddr},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::Error;

/// How many finished handshakes wait in the kernel for this process.
const BACKLOG: i32 = 2048;

/// Listens on `address`; port 0 takes a free one.
///
/// # Errors
///
/// [`Error::Listen`], which says what helps.
pub(crate) fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    let listener = open(address).and_then(TcpListener::from_std);
    listener.map_err(|cause| refused(address, cause, &MAIN))
}

/// The same for `monitoring.listen`, for a runtime that is still to be made.
pub(super) fn bind_for_monitoring(address: SocketAddr) -> Result<net::TcpListener, Error> {
    open(address).map_err(|cause| refused(address, cause, &MONITORING))
}

/// What an operator changes to listen elsewhere.
struct Settings {
    host: &'static str,
    port: &'static str,
}

const MAIN: Settings = Settings {
    host: "server.host",
    port: "--port or server.port",
};

const MONITORING: Settings = Settings {
    host: "monitoring.listen",
    port: "monitoring.listen",
};

fn refused(address: SocketAddr, cause: io::Error, settings: &Settings) -> Error {
    Error::Listen {
        address,
        hint: hint(address, &cause, settings),
        cause,
    }
}

fn open(address: SocketAddr) -> io::Result<net::TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A restart must not wait for the last run's connections to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn hint(address: SocketAddr, error: &io::Error, settings: &Settings) -> String {
    let number = address.port();
    let Settings { host, port } = settings;
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "another program has the port: `ss -ltnp 'sport = :{number}'` shows which; stop it, or choose another port with {port} (0 takes a free one)"
        ),
        io::ErrorKind::PermissionDenied if number < 1024 => format!(
            "ports below 1024 need a privilege: choose one from 1024 on with {port}, put a proxy in front, or allow it with `sysctl net.ipv4.ip_unprivileged_port_start={number}`"
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "no interface of this machine has the address: `ip address` shows those there are; 127.0.0.1 is this machine alone, 0.0.0.0 all of them ({host})"
        ),
        _ if host == port => format!("check {host}"),
        _ => "check server.host and server.port".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_named_with_what_helps() {
        let first = bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = first.local_addr().unwrap();
        let error = bind(address).unwrap_err().to_string();
        assert!(error.contains(&address.to_string()), "{error}");
        assert!(error.contains("another program has the port"), "{error}");
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_named_with_what_helps() {
        let error = bind(([203, 0, 113, 1], 0).into()).unwrap_err().to_string();
        assert!(
            error.contains("no interface of this machine has the address"),
            "{error}"
        );
    }

    #[test]
    fn a_privileged_port_is_explained() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(
            hint(([127, 0, 0, 1], 80).into(), &denied, &MAIN)
                .contains("below 1024 need a privilege")
        );
    }

    // STA-01
    #[test]
    fn an_address_for_monitoring_that_is_taken_names_its_own_setting() {
        let first = bind_for_monitoring(([127, 0, 0, 1], 0).into()).unwrap();
        let address = first.local_addr().unwrap();
        let error = bind_for_monitoring(address).unwrap_err().to_string();
        assert!(
            error.contains(&address.to_string())
                && error.contains("monitoring.listen")
                && !error.contains("server.port"),
            "{error}"
        );
    }
}
