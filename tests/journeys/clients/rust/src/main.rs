//! sqlx as its users use it. Prints what it was told, so that two servers can be compared.

use std::error::Error;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolCopyExt, PgPoolOptions};
use sqlx::{Connection, Executor, Row};

fn code(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(problem) => format!("{} {}", problem.code().unwrap_or_default(), problem.message()),
        None => error.to_string(),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let pool = PgPoolOptions::new().max_connections(3).connect_with(PgConnectOptions::new()).await?;
    let mut db = pool.acquire().await?;
    for id in 1..=8 {
        let row = sqlx::query("select name, email from customers where id = $1").bind(id).fetch_one(&mut *db).await?;
        println!("prepared {} {}", row.get::<String, _>(0), row.get::<String, _>("email"));
    }
    let row = sqlx::query("select $1::int, $2::text, $3::int[], $4::bytea, $5::bool, $6::text, $7::float8")
        .bind(7)
        .bind(None::<String>)
        .bind(vec![Some(1), None])
        .bind(vec![0_u8, 255, 39])
        .bind(true)
        .bind("naïve — 'quoted' \\ $1")
        .bind(12.5)
        .fetch_one(&mut *db)
        .await?;
    println!(
        "values {} {:?} {:?} {:?} {} {} {}",
        row.get::<i32, _>(0),
        row.get::<Option<String>, _>(1),
        row.get::<Vec<Option<i32>>, _>(2),
        row.get::<Vec<u8>, _>(3),
        row.get::<bool, _>(4),
        row.get::<String, _>(5),
        row.get::<f64, _>(6),
    );
    db.execute("create table kept (id int primary key, name text); create type mood as enum ('sad', 'glad')").await?;
    db.execute("create table moods (how mood); insert into moods values ('glad')").await?;
    println!("mood {}", sqlx::query("select how from moods").fetch_one(&mut *db).await?.get::<Mood, _>(0).0);

    let mut outer = db.begin().await?;
    for id in 0..20 {
        sqlx::query("insert into kept values ($1, $2)")
            .bind(id)
            .bind(format!("name {id}"))
            .execute(&mut *outer)
            .await?;
    }
    let mut inner = outer.begin().await?;
    println!("failed {}", code(&inner.execute("select 1 / 0").await.unwrap_err()));
    inner.rollback().await?;
    outer.commit().await?;
    let mut dropped = db.begin().await?;
    dropped.execute("delete from kept").await?;
    drop(dropped);
    println!("kept {}", sqlx::query_scalar::<_, i64>("select count(*) from kept").fetch_one(&mut *db).await?);
    println!("rows {}", sqlx::query("select id from orders").fetch_all(&mut *db).await?.len());

    let mut copy = pool.copy_in_raw("copy kept from stdin").await?;
    copy.send(&b"100\tcopied\n101\t\\N\n"[..]).await?;
    println!("copied {}", copy.finish().await?);

    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen("news").await?;
    sqlx::query("select pg_notify('news', $1)").bind("hello").execute(&mut *db).await?;
    let note = tokio::time::timeout(Duration::from_secs(10), listener.recv()).await??;
    println!("heard {} {}", note.channel(), note.payload());

    for _ in 0..2 {
        let denied = sqlx::query("select salary from payroll where id = $1").bind(1).fetch_one(&mut *db).await;
        println!("denied {}", code(&denied.unwrap_err()));
        println!("goes on {}", sqlx::query_scalar::<_, i32>("select 8").fetch_one(&mut *db).await?);
    }
    let mut failing = db.begin().await?;
    println!("denied {}", code(&failing.execute("select salary from payroll").await.unwrap_err()));
    failing.rollback().await?;
    db.ping().await?;
    drop((db, listener));
    pool.close().await;
    Ok(())
}

/// An enum of the user's own: sqlx looks its type up.
struct Mood(String);

impl sqlx::Type<sqlx::Postgres> for Mood {
    fn type_info() -> sqlx::postgres::PgTypeInfo {
        sqlx::postgres::PgTypeInfo::with_name("mood")
    }
}

impl<'r> sqlx::Decode<'r, sqlx::Postgres> for Mood {
    fn decode(value: sqlx::postgres::PgValueRef<'r>) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self(<&str as sqlx::Decode<sqlx::Postgres>>::decode(value)?.to_owned()))
    }
}
