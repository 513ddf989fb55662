//! sidegate's own questions about a database: what it holds, asked over a connection of their own. They are the only
//! statements that sidegate makes up, none holds anything of a client's, and each only reads.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::connect::Upstream;
use super::{Connector, ForwardError};
use crate::catalog::{Builder, Snapshot, Table};
use crate::wire::postgres::{BackendMessage, BackendPiece, Query, Rows, WireError};

/// A database that takes longer to describe itself stays unknown.
const LIMIT: Duration = Duration::from_secs(30);

/// Names mean the catalogs' own, whatever the role's settings say; nobody is waited for, and nothing is compiled for
/// one use.
const BEGIN: &str = "begin isolation level repeatable read, read only; set local search_path = pg_catalog; \
                     set local statement_timeout = '20s'; set local lock_timeout = '500ms'; set local jit = off";
const COMMIT: &str = "commit";
const ROLLBACK: &str = "rollback";

/// What the role is called on the server while it asks.
const APPLICATION: &str = "sidegate catalog";

/// How a question ended.
enum Answer {
    Whole,
    /// With this SQLSTATE.
    Failed(String),
}

impl Connector {
    /// Describes a database as the held role sees it, all of it at one moment.
    ///
    /// # Errors
    /// There is no connection, no answer within 30 seconds, or one that contradicts itself.
    pub async fn survey(&self, database: &str) -> Result<Snapshot, ForwardError> {
        let slow = || ForwardError::SlowDescription {
            address: self.upstream.address.to_string(),
            database: database.to_owned(),
            limit: LIMIT,
        };
        timeout(LIMIT, self.ask_all(database)).await.unwrap_or_else(|_| Err(slow()))
    }

    async fn ask_all(&self, database: &str) -> Result<Snapshot, ForwardError> {
        // What the role or the database has set must not change how the questions are read.
        let parameters = [
            ("client_encoding", "UTF8"),
            ("application_name", APPLICATION),
            ("standard_conforming_strings", "on"),
            ("search_path", "pg_catalog, pg_temp"),
        ];
        let role = self.assumed.as_deref().map(|role| ("role", role));
        let parameters = parameters.into_iter().chain(role);
        let parameters: Vec<_> = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut upstream = self.connect(database, &parameters).await?;
        upstream.framer.set_rows(Rows::Whole);
        let mut survey = Survey {
            address: self.upstream.address.to_string(),
            database: database.to_owned(),
            upstream,
            builder: Builder::default(),
        };
        let questions = Table::WHOLE.map(|table| (table.sql(), table));
        let whole = [(BEGIN, Table::Server)].into_iter().chain(questions).chain([(COMMIT, Table::Server)]);
        let beside = [Table::Backends, Table::Powers, Table::Definitions];
        let more = beside.into_iter().flat_map(|table| [BEGIN, table.sql(), ROLLBACK]);
        // All at once: the server answers them one after the other.
        survey.send(whole.clone().map(|(sql, _)| sql).chain(more)).await?;
        for (_, table) in whole {
            survey.must(table).await?;
        }
        for table in beside {
            survey.must(table).await?;
            match survey.answer(table).await? {
                Answer::Whole if table == Table::Powers => survey.builder.powers_are_told(),
                Answer::Whole if table == Table::Backends => survey.builder.backends_are_told(),
                Answer::Whole => survey.builder.definitions_are_told(),
                // Somebody may hold a lock on a view. What decisions rest on is known without, but for how views are
                // masked.
                Answer::Failed(sqlstate) => {
                    tracing::debug!(upstream = %survey.address, %table, %sqlstate, "a description is not whole");
                }
            }
            survey.must(table).await?;
        }
        survey.end().await
    }
}

struct Survey {
    address: String,
    database: String,
    upstream: Upstream,
    builder: Builder,
}

impl Survey {
    async fn send(&mut self, questions: impl Iterator<Item = &'static str>) -> Result<(), ForwardError> {
        let mut out = BytesMut::new();
        for sql in questions {
            let frame = Query { sql: sql.as_bytes() }.encode().map_err(|source| self.protocol(source))?;
            out.extend_from_slice(frame.bytes());
        }
        let stream = &mut self.upstream.stream;
        let sent = async {
            stream.write_all(&out).await?;
            stream.flush().await
        };
        sent.await.map_err(|_| self.gone())
    }

    async fn must(&mut self, table: Table) -> Result<(), ForwardError> {
        match self.answer(table).await? {
            Answer::Whole => Ok(()),
            Answer::Failed(sqlstate) => {
                Err(ForwardError::Undescribed { address: self.address.clone(), table, sqlstate })
            }
        }
    }

    /// The answer to one question, up to the server's ReadyForQuery.
    async fn answer(&mut self, table: Table) -> Result<Answer, ForwardError> {
        let mut answer = Answer::Whole;
        loop {
            let piece = self.upstream.framer.next_piece().map_err(|source| self.protocol(source))?;
            let frame = match piece {
                Some(BackendPiece::Frame(frame)) => frame,
                Some(BackendPiece::Relay(rows) | BackendPiece::Rows(rows)) => {
                    return Err(self.protocol(WireError::Tag { tag: rows.tag }));
                }
                None => {
                    match self.upstream.stream.read_buf(self.upstream.framer.room()).await {
                        Ok(1..) => {}
                        Ok(0) | Err(_) => return Err(self.gone()),
                    }
                    continue;
                }
            };
            match BackendMessage::decode(&frame).map_err(|source| self.protocol(source))? {
                BackendMessage::DataRow(row) => {
                    let taken = self.builder.row(table, &row.values);
                    taken.map_err(|source| ForwardError::Description {
                        address: self.address.clone(),
                        database: self.database.clone(),
                        source,
                    })?;
                }
                BackendMessage::ErrorResponse(fields) => {
                    answer = Answer::Failed(fields.sqlstate().unwrap_or("-----").to_owned());
                }
                BackendMessage::ReadyForQuery(_) => return Ok(answer),
                BackendMessage::RowDescription(_)
                | BackendMessage::CommandComplete(_)
                | BackendMessage::NoticeResponse(_)
                | BackendMessage::ParameterStatus(_)
                | BackendMessage::NotificationResponse => {}
                BackendMessage::Authentication(_)
                | BackendMessage::BackendKeyData(_)
                | BackendMessage::NegotiateProtocolVersion
                | BackendMessage::EmptyQueryResponse
                | BackendMessage::ParseComplete
                | BackendMessage::BindComplete
                | BackendMessage::CloseComplete
                | BackendMessage::ParameterDescription(_)
                | BackendMessage::NoData
                | BackendMessage::PortalSuspended
                | BackendMessage::CopyInResponse(_)
                | BackendMessage::CopyOutResponse(_)
                | BackendMessage::CopyBothResponse(_)
                | BackendMessage::CopyDone
                | BackendMessage::FunctionCallResponse => {
                    return Err(self.protocol(WireError::Tag { tag: frame.tag() }));
                }
            }
        }
    }

    async fn end(mut self) -> Result<Snapshot, ForwardError> {
        // A goodbye that is not heard changes nothing.
        let _ = self.upstream.stream.write_all(b"X\0\0\0\x04").await;
        let _ = self.upstream.stream.shutdown().await;
        let Self { address, database, upstream: _, builder } = self;
        builder.finish().map_err(|source| ForwardError::Description { address, database, source })
    }

    fn gone(&self) -> ForwardError {
        ForwardError::Gone { address: self.address.clone() }
    }

    fn protocol(&self, source: WireError) -> ForwardError {
        ForwardError::Protocol { address: self.address.clone(), source }
    }
}
