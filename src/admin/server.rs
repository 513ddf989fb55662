//! Sockets and HTTP/1.1 around the routes, with limits: anybody on this machine may connect.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::health::HealthSource;
use super::routes;
use crate::telemetry::{HttpMethod, Metrics};

/// Connections at a time; further ones wait in the kernel.
const CONNECTIONS: usize = 64;
/// Bytes of a request's head, the least that hyper allows.
const HEAD: usize = 8192;
const HEADERS: usize = 64;
/// For a request's head to arrive.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// For a whole connection, however many requests it carries.
const CONNECTION_TIME: Duration = Duration::from_secs(120);
/// After an accept that failed, for want of file descriptors perhaps.
const PAUSE: Duration = Duration::from_millis(100);

/// Why the admin address does not answer.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address cannot be listened on.
    #[error(
        "admin address `{address}`: {source}; choose another as plugins.sidegate.admin.address, --addr or --diagnostic-addr"
    )]
    Bind {
        /// As configured.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// The bound admin address.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    address: SocketAddr,
}

impl Admin {
    /// Binds; connections wait until [`Admin::serve`] runs.
    ///
    /// # Errors
    /// The address is taken or not of this machine.
    pub async fn bind(address: SocketAddr) -> Result<Self, AdminError> {
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        bound.await.map_err(|source| AdminError::Bind { address, source })
    }

    /// Where it listens; the port that the kernel chose if 0 was configured.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the future is dropped.
    pub async fn serve(self, health: HealthSource, metrics: Metrics) -> Infallible {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            // The semaphore is never closed, so a place always comes.
            let place = Arc::clone(&places).acquire_owned().await.ok();
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let (health, metrics) = (Arc::clone(&health), metrics.clone());
                    tokio::spawn(async move {
                        connection(stream, health, metrics).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the admin address cannot accept");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

async fn connection(stream: TcpStream, health: HealthSource, metrics: Metrics) {
    let service = service_fn(move |request| {
        let answer = respond(&request, &health, &metrics);
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(HEAD).max_headers(HEADERS);
    let served = tokio::time::timeout(CONNECTION_TIME, http.serve_connection(TokioIo::new(stream), service)).await;
    if let Ok(Err(error)) = served {
        tracing::debug!(%error, "a connection to the admin address ended early");
    }
}

fn respond(request: &Request<Incoming>, health: &HealthSource, metrics: &Metrics) -> Response<Full<Bytes>> {
    let started = Instant::now();
    let method = method(request.method());
    let uri = request.uri();
    let answer = routes::answer(method, uri.path(), uri.query(), &**health, metrics);
    metrics.http_answered(answer.handler, method, answer.code, started.elapsed());
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    let code = StatusCode::from_u16(answer.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    if code == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

fn method(method: &Method) -> HttpMethod {
    match *method {
        Method::GET => HttpMethod::Get,
        Method::HEAD => HttpMethod::Head,
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::PATCH => HttpMethod::Patch,
        Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Other,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::Health;
    use super::*;

    async fn served() -> SocketAddr {
        let admin = Admin::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = admin.address();
        tokio::spawn(admin.serve(Arc::new(Health::default), Metrics::new()));
        address
    }

    async fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        // A reset after an answer to an oversized head is fine: what came before counts.
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }

    #[tokio::test]
    async fn health_and_metrics_answer_over_http() {
        let address = served().await;
        let get = |path| format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let health = ask(address, &get("/health")).await;
        assert!(health.starts_with("HTTP/1.1 200 OK\r\n") && health.ends_with("\r\n\r\n{}\n"), "{health}");
        let bundles = ask(address, &get("/health?bundles")).await;
        assert!(bundles.starts_with("HTTP/1.1 500 "), "{bundles}");
        assert!(bundles.ends_with("{\"error\":\"one or more bundles are not activated\"}\n"), "{bundles}");
        let metrics = ask(address, &get("/metrics")).await;
        assert!(
            metrics.contains("http_request_duration_seconds_count{code=\"500\",handler=\"health\",method=\"get\"} 1")
        );
        assert!(ask(address, &get("/v1/data")).await.starts_with("HTTP/1.1 404 "));
    }

    #[tokio::test]
    async fn a_head_beyond_the_limit_and_garbage_end_the_connection_and_not_the_server() {
        let address = served().await;
        let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(HEAD * 2));
        assert!(!ask(address, &long).await.starts_with("HTTP/1.1 200"));
        assert!(!ask(address, "\x16\x03\x01 garbage\r\n\r\n").await.starts_with("HTTP/1.1 200"));
        let good = "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        assert!(ask(address, good).await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_named() {
        let address = served().await;
        let error = Admin::bind(address).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("admin address `{address}`: ")), "{error}");
    }
}
