//! Functions without a safe interface. librdkafka: reading text that may not be UTF-8 (names of
//! headers, metadata of commits), results of asynchronous commits, ids of topics. C library: arenas of
//! the allocator, immediate exit.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_void};
use std::time::Duration;
use std::{ptr, slice};

use rdkafka::bindings::{
    rd_kafka_AdminOptions_destroy, rd_kafka_AdminOptions_new,
    rd_kafka_AdminOptions_set_request_timeout, rd_kafka_DescribeTopics,
    rd_kafka_DescribeTopics_result_topics, rd_kafka_TopicCollection_destroy,
    rd_kafka_TopicCollection_of_topic_names, rd_kafka_TopicDescription_error,
    rd_kafka_TopicDescription_name, rd_kafka_TopicDescription_topic_id, rd_kafka_Uuid_base64str,
    rd_kafka_admin_op_t, rd_kafka_commit_queue, rd_kafka_error_code,
    rd_kafka_event_DescribeTopics_result, rd_kafka_event_destroy, rd_kafka_event_error,
    rd_kafka_event_t, rd_kafka_header_get_last, rd_kafka_message_headers,
    rd_kafka_message_leader_epoch, rd_kafka_queue_destroy, rd_kafka_queue_get_consumer,
    rd_kafka_queue_new, rd_kafka_queue_poll, rd_kafka_topic_partition_get_leader_epoch,
    rd_kafka_topic_partition_list_find, rd_kafka_topic_partition_set_leader_epoch,
};
use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
use rdkafka::{ClientContext, TopicPartitionList};

/// Makes all threads of librdkafka allocate from one arena, so that they reuse each other's memory
/// (decision 17). Must be called while there is one thread.
pub(crate) fn one_arena() {
    // SAFETY: the call changes a number that is looked at when a thread allocates for the first time.
    // Where it is refused, more memory is used.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Returns the value of a message's last header of this name, if it is UTF-8.
pub(crate) fn header<'a>(message: &'a BorrowedMessage<'_>, name: &CStr) -> Option<&'a str> {
    let mut headers = ptr::null_mut();
    let mut value: *const c_void = ptr::null();
    let mut size = 0;
    // SAFETY: the message is alive for 'a, and it owns its headers and their values.
    unsafe {
        let found = rd_kafka_message_headers(message.ptr(), &raw mut headers);
        if found != RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        let found = rd_kafka_header_get_last(headers, name.as_ptr(), &raw mut value, &raw mut size);
        if found != RD_KAFKA_RESP_ERR_NO_ERROR || value.is_null() {
            return None;
        }
        str::from_utf8(slice::from_raw_parts(value.cast(), size)).ok()
    }
}

/// Returns the metadata of a partition in `list`; empty if there is none or it is not UTF-8.
pub(crate) fn metadata(list: &TopicPartitionList, topic: &str, partition: i32) -> String {
    let Ok(topic) = CString::new(topic) else {
        return String::new();
    };
    // SAFETY: the list is alive and owns its elements and their metadata.
    unsafe {
        let found = rd_kafka_topic_partition_list_find(list.ptr(), topic.as_ptr(), partition);
        match found.as_ref() {
            Some(element) if !element.metadata.is_null() => {
                let bytes = slice::from_raw_parts(element.metadata.cast(), element.metadata_size);
                str::from_utf8(bytes).unwrap_or_default().to_owned()
            }
            _ => String::new(),
        }
    }
}

/// Returns the leader epoch in which a message was appended, if the broker sends it.
pub(crate) fn leader_epoch_of(message: &BorrowedMessage<'_>) -> Option<i32> {
    // SAFETY: the message is alive.
    let epoch = unsafe { rd_kafka_message_leader_epoch(message.ptr()) };
    (epoch >= 0).then_some(epoch)
}

/// Returns the leader epoch of a partition in `list`, if there is one.
pub(crate) fn leader_epoch(list: &TopicPartitionList, topic: &str, partition: i32) -> Option<i32> {
    let topic = CString::new(topic).ok()?;
    // SAFETY: the list is alive and owns its elements.
    let epoch = unsafe {
        let found = rd_kafka_topic_partition_list_find(list.ptr(), topic.as_ptr(), partition);
        match found.is_null() {
            true => -1,
            false => rd_kafka_topic_partition_get_leader_epoch(found),
        }
    };
    (epoch >= 0).then_some(epoch)
}

/// Sets the leader epoch of a partition in `list`.
pub(crate) fn set_leader_epoch(
    list: &mut TopicPartitionList,
    topic: &str,
    partition: i32,
    epoch: i32,
) {
    let Ok(topic) = CString::new(topic) else { return };
    // SAFETY: the list is alive, owns its elements, and has no other borrower.
    unsafe {
        let found = rd_kafka_topic_partition_list_find(list.ptr(), topic.as_ptr(), partition);
        if !found.is_null() {
            rd_kafka_topic_partition_set_leader_epoch(found, epoch);
        }
    }
}

/// Starts a commit whose outcome comes to the consumer's own queue, and so to its context's
/// `commit_callback` in a later poll.
pub(crate) fn commit<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    list: &TopicPartitionList,
) -> KafkaResult<()> {
    let client = consumer.client().native_ptr();
    // SAFETY: the client outlives the call, which copies the list; the queue is ours to release.
    let outcome = unsafe {
        let queue = rd_kafka_queue_get_consumer(client);
        let outcome = rd_kafka_commit_queue(client, list.ptr(), queue, None, ptr::null_mut());
        rd_kafka_queue_destroy(queue);
        outcome
    };
    match outcome {
        RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        error => Err(KafkaError::ConsumerCommit(error.into())),
    }
}

/// Returns names and ids (base64 of the UUID, KIP-516) of those of `topics` that exist.
pub(crate) fn topic_ids<C: ClientContext>(
    client: &Client<C>,
    topics: &[String],
    timeout: Duration,
) -> KafkaResult<Vec<(String, String)>> {
    let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let native = client.native_ptr();
    let names: Vec<CString> =
        topics.iter().filter_map(|topic| CString::new(topic.as_str()).ok()).collect();
    let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
    // SAFETY: the client outlives the call. What is made here is released here, the event last,
    // for it owns the descriptions; the collection copies the names.
    unsafe {
        let options = rd_kafka_AdminOptions_new(
            native,
            rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
        );
        rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, ptr::null_mut(), 0);
        let topics = rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
        let queue = rd_kafka_queue_new(native);
        rd_kafka_DescribeTopics(native, topics, options, queue);
        // The request has a deadline of its own, and always gives an event.
        let event = rd_kafka_queue_poll(queue, timeout_ms.saturating_add(1000));
        rd_kafka_queue_destroy(queue);
        rd_kafka_TopicCollection_destroy(topics);
        rd_kafka_AdminOptions_destroy(options);
        if event.is_null() {
            return Err(KafkaError::AdminOp(rdkafka::types::RDKafkaErrorCode::OperationTimedOut));
        }
        let described = descriptions(event);
        rd_kafka_event_destroy(event);
        described
    }
}

/// Reads the result of a request for descriptions of topics.
///
/// # Safety
/// `event` is alive.
unsafe fn descriptions(event: *mut rd_kafka_event_t) -> KafkaResult<Vec<(String, String)>> {
    // SAFETY: the event is alive, and owns what its accessors return.
    unsafe {
        match rd_kafka_event_error(event) {
            RD_KAFKA_RESP_ERR_NO_ERROR => {}
            error => return Err(KafkaError::AdminOp(error.into())),
        }
        let result = rd_kafka_event_DescribeTopics_result(event);
        let mut count = 0;
        if result.is_null() {
            return Ok(Vec::new());
        }
        let topics = rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        let mut ids = Vec::with_capacity(count);
        for at in 0..count {
            let topic = *topics.add(at);
            let id = rd_kafka_TopicDescription_topic_id(topic);
            let failed = rd_kafka_error_code(rd_kafka_TopicDescription_error(topic));
            if failed == RD_KAFKA_RESP_ERR_NO_ERROR && !id.is_null() {
                let text = |text| CStr::from_ptr(text).to_string_lossy().into_owned();
                ids.push((
                    text(rd_kafka_TopicDescription_name(topic)),
                    text(rd_kafka_Uuid_base64str(id)),
                ));
            }
        }
        Ok(ids)
    }
}
