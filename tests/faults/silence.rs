//! A line on which nothing arrives any more, in either direction: no data, no acknowledgement, no reset. The kernel
//! drops each packet that comes to one of its two sockets, as a firewall does that lost its table, or a cable.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::{SockFilter, Socket, TcpKeepalive};

use crate::harness::raw::{Raw, query, spell};
use crate::harness::{Sidegate, postgres, until};
use crate::hold::{self, Hold, together};
use crate::proxy::{Act, Plan, Way, proxy};

/// What sidegate promises: whoever is silent for so long is given up.
const PROMISED: Duration = Duration::from_secs(120);

/// Whether the two minutes are waited for (`make long-faults`); else the kernel is told to count faster.
fn in_real_time() -> bool {
    std::env::var_os("SIDEGATE_SILENCE").is_some()
}

/// The TCP connections of a process, each as a second handle of the same socket, with its own port and the peer's.
fn sockets(process: u32) -> Vec<(u16, u16, Socket)> {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw).expect("a process");
    let handle = pidfd_open(pid, PidfdFlags::empty()).expect("it runs");
    let files = fs::read_dir(format!("/proc/{process}/fd")).expect("it runs");
    let numbers = files.filter_map(|file| file.ok()?.file_name().to_str()?.parse().ok());
    let ports = |socket: &Socket| {
        let port = |address: std::io::Result<socket2::SockAddr>| Some(address.ok()?.as_socket()?.port());
        Some((port(socket.local_addr())?, port(socket.peer_addr())?))
    };
    numbers
        .filter_map(|number| {
            let socket = Socket::from(pidfd_getfd(&handle, number, PidfdGetfdFlags::empty()).ok()?);
            let (own, peer) = ports(&socket)?;
            Some((own, peer, socket))
        })
        .collect()
}

/// The ports of sidegate's own that lead to this one.
fn ways_to(sidegate: &Sidegate, port: u16) -> BTreeSet<u16> {
    sockets(sidegate.pid()).into_iter().filter(|(_, peer, _)| *peer == port).map(|(own, ..)| own).collect()
}

/// A connection between sidegate and this process.
struct Line {
    sidegates: Socket,
    ours: Socket,
}

impl Line {
    /// The one between these two ports.
    fn between(sidegate: &Sidegate, its: u16, our: u16) -> Self {
        let of = |process, own, other| {
            let all = sockets(process).into_iter();
            all.filter(|(o, p, _)| (*o, *p) == (own, other)).map(|(.., socket)| socket).next().expect("the connection")
        };
        Self { sidegates: of(sidegate.pid(), its, our), ours: of(std::process::id(), our, its) }
    }

    /// Whether all that sidegate has sent on it was acknowledged: of an unanswered message that comes later than it does.
    fn is_settled(&self) -> bool {
        let port = |address: std::io::Result<socket2::SockAddr>| {
            let address = address.expect("an address").as_socket().expect("of the network");
            format!(":{:04X}", address.port())
        };
        let (own, other) = (port(self.sidegates.local_addr()), port(self.sidegates.peer_addr()));
        let table = fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
        table.lines().any(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            fields.len() > 4
                && fields[1].ends_with(&own)
                && fields[2].ends_with(&other)
                && fields[4].starts_with("00000000:")
        })
    }

    /// From now on nothing arrives.
    fn goes_dead(&self) {
        // One instruction of the classic filter: take nothing of the packet.
        let nothing = [SockFilter::new(0x06, 0, 0, 0)];
        for socket in [&self.sidegates, &self.ours] {
            socket.attach_filter(&nothing).expect("a filter");
        }
        assert!(self.sidegates.keepalive().expect("an option"), "somebody asks");
        let (time, interval) = (self.sidegates.tcp_keepalive_time(), self.sidegates.tcp_keepalive_interval());
        let retries = self.sidegates.tcp_keepalive_retries().expect("an option");
        let patience = time.expect("an option") + interval.expect("an option") * retries;
        assert!(patience <= PROMISED, "{patience:?}");
        if !in_real_time() {
            let second = Duration::from_secs(1);
            let faster = TcpKeepalive::new().with_time(second).with_interval(second);
            self.sidegates.set_tcp_keepalive(&faster).expect("an option");
        }
    }

    /// The kernel sends again what is not acknowledged, for a quarter of an hour as systems are installed. Here it
    /// gives up sooner, or nobody would wait for it.
    fn sends_in_vain(&self) {
        self.sidegates.set_tcp_user_timeout(Some(Duration::from_secs(3))).expect("an option");
    }
}

/// What is promised, and something for a machine that is busy.
fn patience() -> Duration {
    if in_real_time() { PROMISED + Duration::from_secs(10) } else { Duration::from_secs(20) }
}

fn running(sidegate: &Sidegate) -> String {
    let at_work = format!("datname = '{}' and state = 'active' and query like '%pg_sleep%'", sidegate.database);
    postgres().sql("postgres", &format!("select count(*) from pg_stat_activity where {at_work}"))
}

#[test]
fn a_server_that_is_not_heard_of_any_more_is_given_up_and_what_it_was_asked_has_its_outcome() {
    let _turn = together();
    let port = proxy(postgres().port, Plan { cue: "nobody says this", way: Way::Requests, after: 0, act: Act::Reset });
    let sidegate = hold::open().upstream(port).start();
    let hold = Hold::on(&sidegate);
    let sleep = hold.marked("select 'waits' from pg_sleep(600)");
    let unheard = hold.marked("update orders set total = 0");
    hold.during(|| {
        let open = || {
            let before = ways_to(&sidegate, port);
            let mut client = Raw::open(sidegate.port, &sidegate.database);
            assert_eq!(hold.ask(&mut client, "select 1"), "T D C:SELECT 1 Z:I");
            // sidegate's own look at the database comes and goes; a session's way stays.
            let way = until("a way of its own", || {
                let after = ways_to(&sidegate, port);
                let mut new = after.difference(&before).copied();
                new.next().filter(|_| new.next().is_none())
            });
            (client, Line::between(&sidegate, way, port))
        };
        let ((mut idle, idles), (mut waits, waits_for), (mut sends, sends_on)) = (open(), open(), open());
        waits.send(&query(&sleep));
        until("the statement", || (running(&sidegate) == "1").then_some(()));
        until("its acknowledgement", || waits_for.is_settled().then_some(()));
        let began = Instant::now();
        for line in [&idles, &waits_for, &sends_on] {
            line.goes_dead();
        }
        sends.send(&query(&unheard));
        sends_on.sends_in_vain();
        for (who, client) in [("idle", &mut idle), ("waits", &mut waits), ("sends", &mut sends)] {
            assert!(client.answers_within(patience().saturating_sub(began.elapsed())), "{who} is told");
            assert_eq!(spell(&client.until_end()), "E:08006");
        }
    });
    for sql in [&sleep, &unheard] {
        assert_eq!(sidegate.event_of(sql)["custom"]["sidegate"]["outcome"], "unknown", "{sql}");
    }
    assert_eq!(postgres().log().matches(&unheard).count(), 0, "it did not arrive");
    // The server itself still waits: it heard of nothing, either.
    let stop =
        format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}'", sidegate.database);
    postgres().sql("postgres", &stop);
    hold.ends();
}

#[test]
fn a_client_that_is_not_heard_of_any_more_leaves_its_place_and_no_statement_running() {
    let _turn = together();
    let sidegate = hold::open().start();
    let hold = Hold::on(&sidegate);
    let sleep = hold.marked("select 'waits' from pg_sleep(600)");
    hold.during(|| {
        let idle = Raw::open(sidegate.port, &sidegate.database);
        let mut waits = Raw::open(sidegate.port, &sidegate.database);
        waits.send(&query(&sleep));
        until("the statement", || (running(&sidegate) == "1").then_some(()));
        let began = Instant::now();
        for client in [&idle, &waits] {
            Line::between(&sidegate, sidegate.port, client.port()).goes_dead();
        }
        // One is the neighbour's.
        while sidegate.metric("sidegate_sessions_open") > 1.0 {
            assert!(began.elapsed() < patience(), "they are still there");
            std::thread::sleep(Duration::from_millis(100));
        }
        until("its cancellation", || (running(&sidegate) == "0").then_some(()));
    });
    assert_eq!(sidegate.event_of(&sleep)["custom"]["sidegate"]["outcome"], "unknown");
    hold.ends();
}
