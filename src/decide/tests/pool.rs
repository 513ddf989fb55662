use std::sync::mpsc;

use super::*;
use crate::decide::error::DecideError;
use crate::decide::pool::Pool;

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn work_that_panics_is_told_and_the_thread_goes_on() {
    let pool: Pool<u8> = Pool::start(1, LONG).unwrap();
    let broken = pool.submit(Box::new(|| panic!("the engine broke"))).unwrap();
    let fine = pool.submit(Box::new(|| 7)).unwrap();
    assert!(broken.await.unwrap().is_err());
    assert_eq!(fine.await.unwrap().ok(), Some(7));
    assert_eq!(pool.stuck(), 0);
}

#[tokio::test]
async fn a_full_queue_refuses_and_what_nobody_waits_for_makes_room() {
    let pool: Pool<()> = Pool::start(1, LONG).unwrap();
    let (release, gate) = mpsc::channel::<()>();
    let (began, running) = mpsc::channel();
    let first = pool
        .submit(Box::new(move || {
            began.send(()).unwrap();
            gate.recv().unwrap();
        }))
        .unwrap();
    running.recv().unwrap();
    let mut waiting = Vec::new();
    let refusal = loop {
        match pool.submit(Box::new(|| ())) {
            Ok(receiver) => waiting.push(receiver),
            Err(error) => break error,
        }
    };
    assert_eq!(refusal, DecideError::Overload { waiting: waiting.len() });
    drop(waiting);
    let last = pool.submit(Box::new(|| ())).unwrap();
    release.send(()).unwrap();
    assert!(first.await.is_ok() && last.await.is_ok());
}

#[tokio::test]
async fn a_stuck_thread_is_replaced_and_counted_once() {
    let pool: Pool<u8> = Pool::start(1, Duration::from_millis(1)).unwrap();
    let (release, gate) = mpsc::channel::<()>();
    let (began, running) = mpsc::channel();
    let stuck = pool
        .submit(Box::new(move || {
            began.send(()).unwrap();
            gate.recv().unwrap();
            1
        }))
        .unwrap();
    running.recv().unwrap();
    let began = std::time::Instant::now();
    while pool.stuck() == 0 {
        pool.replace_stuck();
        assert!(began.elapsed() < LONG, "never replaced");
        std::thread::yield_now();
    }
    assert_eq!(pool.submit(Box::new(|| 2)).unwrap().await.unwrap().ok(), Some(2));
    assert_eq!(pool.stuck(), 1);
    release.send(()).unwrap();
    assert_eq!(stuck.await.unwrap().ok(), Some(1));
}

#[tokio::test]
async fn a_decider_answers_many_at_once() {
    let decider = decider();
    let policy = shop("allow contains \"x\" if true");
    let asking = (0..64).map(|_| {
        let (decider, policy) = (decider.clone(), policy.clone());
        tokio::spawn(
            async move { decider.decide(Some(policy), Stage::Request, crate::input::stub::asked(|_| {})).await },
        )
    });
    for answer in asking.collect::<Vec<_>>() {
        assert!(allowed(&answer.await.unwrap()));
    }
}
