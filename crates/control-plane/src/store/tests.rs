use serde_json::{Value, json};

use super::{Change, CommitError, Expect, Key, PastError, Range, Store};

fn key(name: &str) -> Key {
    Key::new("", "configmaps", "default", name)
}

fn object(name: &str, text: &str) -> Value {
    json!({"metadata": {"name": name}, "data": {"text": text}})
}

async fn put(store: &Store, name: &str, text: &str) -> u64 {
    let expect = store
        .get(&key(name))
        .map_or(Expect::Absent, |record| Expect::At(record.revision));
    store
        .commit(key(name), expect, Change::Put(object(name, text)))
        .await
        .unwrap()
        .revision
}

async fn remove(store: &Store, name: &str) -> u64 {
    let record = store.get(&key(name)).unwrap();
    let last = serde_json::from_slice(&record.json).unwrap();
    store
        .commit(key(name), Expect::At(record.revision), Change::Remove(last))
        .await
        .unwrap()
        .revision
}

fn names(store: &Store, range: Range<'_>) -> Vec<String> {
    let page = store.list(range, |_, _| true).unwrap();
    page.items
        .into_iter()
        .map(|(key, _)| key.parts().3.to_owned())
        .collect()
}

const ALL: Range<'static> = Range {
    prefix: "/configmaps/",
    after: None,
    limit: 0,
    at: None,
};

#[tokio::test]
async fn a_commit_needs_what_the_writer_expects() {
    let store = Store::in_memory(1 << 20);
    let first = put(&store, "a", "1").await;
    let again = store
        .commit(key("a"), Expect::Absent, Change::Put(object("a", "2")))
        .await;
    assert!(matches!(again, Err(CommitError::Exists)));
    let second = put(&store, "a", "2").await;
    assert!(second > first);
    let stale = store
        .commit(key("a"), Expect::At(first), Change::Put(object("a", "3")))
        .await;
    assert!(matches!(stale, Err(CommitError::Changed)));
    let absent = store
        .commit(key("b"), Expect::At(first), Change::Put(object("b", "1")))
        .await;
    assert!(matches!(absent, Err(CommitError::Changed)));
    assert_eq!(
        store.revision(),
        second,
        "what was refused took no revision"
    );
    let stored: Value = serde_json::from_slice(&store.get(&key("a")).unwrap().json).unwrap();
    assert_eq!(stored["metadata"]["resourceVersion"], second.to_string());
}

#[tokio::test]
async fn pages_of_a_list_show_the_moment_of_the_first() {
    let store = Store::in_memory(1 << 20);
    for name in ["a", "b", "c", "d"] {
        put(&store, name, "1").await;
    }
    let first = store.list(Range { limit: 2, ..ALL }, |_, _| true).unwrap();
    assert_eq!((first.items.len(), first.remaining), (2, 2));
    let last_seen = first.more_after.unwrap();

    remove(&store, "c").await;
    put(&store, "bb", "new").await;
    put(&store, "d", "2").await;
    let rest = Range {
        after: Some(last_seen.as_str()),
        at: Some(first.revision),
        ..ALL
    };
    let page = store.list(rest, |_, _| true).unwrap();
    let seen: Vec<(&str, Value)> = page
        .items
        .iter()
        .map(|(key, record)| (key.parts().3, serde_json::from_slice(&record.json).unwrap()))
        .collect();
    assert_eq!(
        seen.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["c", "d"]
    );
    assert_eq!(seen[1].1["data"]["text"], "1");
    assert_eq!(page.more_after, None);
    assert_eq!(names(&store, ALL), ["a", "b", "bb", "d"]);
}

#[tokio::test]
async fn history_is_complete_or_expired() {
    let store = Store::in_memory(2_000);
    let start = store.revision();
    let first = put(&store, "a", "1").await;
    let second = put(&store, "a", "2").await;
    let third = remove(&store, "a").await;
    let (events, upto) = store.events_after(start, "/configmaps/").unwrap();
    assert_eq!(
        events.iter().map(|e| e.revision).collect::<Vec<_>>(),
        [first, second, third]
    );
    assert_eq!(upto, third);
    assert!(events[2].new.is_none() && events[2].old.as_ref().unwrap().revision == second);
    assert!(store.events_after(start, "/pods/").unwrap().0.is_empty());

    for _ in 0..20 {
        put(&store, "b", &"x".repeat(300)).await;
    }
    assert!(
        matches!(store.events_after(start, ""), Err(PastError::Expired(floor)) if floor > start)
    );
    assert!(matches!(
        store.list(
            Range {
                at: Some(second),
                ..ALL
            },
            |_, _| true
        ),
        Err(PastError::Expired(_))
    ));
    let future = store.revision() + 1;
    assert!(matches!(
        store.events_after(future, ""),
        Err(PastError::Future(_))
    ));
}

#[tokio::test]
async fn what_was_closed_is_there_again_and_revisions_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("objects.redb");
    let store = Store::open(&file, 1 << 20).unwrap();
    put(&store, "a", "1").await;
    put(&store, "gone", "1").await;
    remove(&store, "gone").await;
    let lease = Key::new("coordination.k8s.io", "leases", "default", "l");
    let last = store
        .commit(lease.clone(), Expect::Absent, Change::Put(object("l", "1")))
        .await
        .unwrap()
        .revision;
    drop(store);

    let store = Store::open(&file, 1 << 20).unwrap();
    assert_eq!(names(&store, ALL), ["a"]);
    assert!(
        store.get(&lease).is_some(),
        "a clean end loses not even what is relaxed"
    );
    assert_eq!(store.revision(), last, "a clean end skips no revision");
    assert!(store.events_after(last, "").unwrap().0.is_empty());
    assert!(put(&store, "b", "1").await > last);
}

#[tokio::test]
async fn only_one_process_can_have_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("objects.redb");
    let _store = Store::open(&file, 1 << 20).unwrap();
    assert!(Store::open(&file, 1 << 20).is_err());
}

#[tokio::test]
async fn concurrent_writers_share_commits_and_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("objects.redb"), 1 << 20).unwrap();
    let writers = (0..50).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { put(&store, &format!("o{n:02}"), "1").await })
    });
    let mut revisions: Vec<u64> = futures::future::join_all(writers)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    revisions.sort_unstable();
    revisions.dedup();
    assert_eq!(revisions.len(), 50);
    assert_eq!(names(&store, ALL).len(), 50);
}
