use kube::core::Status;

use super::*;

fn refused() -> Error {
    let status = Status::failure("pods \"a\" is forbidden", "Forbidden").with_code(403);
    Error::kubernetes("create", "Pod a", kube::Error::Api(status.boxed()))
}

#[test]
fn an_answer_of_the_api_server_is_told_once() {
    assert_eq!(
        Chain(&refused()).to_string(),
        "create Pod a: pods \"a\" is forbidden"
    );
}

#[test]
fn what_a_refusal_means_for_trying_again() {
    assert_eq!(refused().retry(), Retry::OnChange);
    let conflict = Status::failure("changed", "Conflict").with_code(409);
    let conflict = Error::kubernetes("apply", "Secret a", kube::Error::Api(conflict.boxed()));
    assert!(conflict.is_conflict());
    assert_eq!(conflict.retry(), Retry::Soon);
}
