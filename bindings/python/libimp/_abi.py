"""The C interface as ctypes sees it. Made by tools/generate.py from include/imp: do not edit."""
# flake8: noqa
from ctypes import (CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int32, c_size_t, c_uint16, c_uint32,
                    c_uint64, c_void_p)
from enum import IntEnum
from typing import Any

IMP_VERSION_MAJOR = 0
IMP_VERSION_MINOR = 1
IMP_VERSION_PATCH = 0
IMP_VERSION = '0.1.0'
IMP_TSTAMP_NEVER = 18446744073709551615
IMP_MICROSECONDS = 1000
IMP_MILLISECONDS = 1000000
IMP_SECONDS = 1000000000
IMP_HTTP_HEADERS_MAX = 65536
IMP_CALENDAR_NAME_MAX = 1023
IMP_CALENDAR_TEXT_MAX = 1023
IMP_JID_PART_MAX = 1023
IMP_JID_MAX = 3071
IMP_SASL_PLAIN = 1
IMP_SASL_SCRAM_SHA_1 = 2
IMP_SASL_SCRAM_SHA_256 = 4
IMP_SASL_SCRAM_SHA_512 = 8
IMP_SASL_SCRAM_SHA_1_PLUS = 16
IMP_SASL_SCRAM_SHA_256_PLUS = 32
IMP_SASL_SCRAM_SHA_512_PLUS = 64
IMP_SASL_EXTERNAL = 128
IMP_SASL_ANONYMOUS = 256
IMP_SASL_OAUTHBEARER = 512
IMP_SASL_HT_SHA_256_NONE = 1024
IMP_SASL_HT_SHA_256_UNIQ = 2048
IMP_SASL_HT_SHA_256_ENDP = 4096
IMP_SASL_HT_SHA_256_EXPR = 8192
IMP_SASL_MESSAGE_MAX = 16384
IMP_NS_SM = 'urn:xmpp:sm:3'
IMP_SM_ID_MAX = 64
IMP_SM_WANT_R = 1
IMP_SM_TEXT_MAX = 512
IMP_STORE_SPACE_MAX = 32
IMP_STORE_OWNER_MAX = 2047
IMP_STORE_KEY_MAX = 3072
IMP_NS_CLIENT = 'jabber:client'
IMP_NS_SERVER = 'jabber:server'
IMP_NS_STREAMS = 'http://etherx.jabber.org/streams'
IMP_NS_STANZAS = 'urn:ietf:params:xml:ns:xmpp-stanzas'
IMP_WALLCLOCK_NEVER = 18446744073709551615
IMP_NS_ACTIVITY = 'http://jabber.org/protocol/activity'
IMP_NS_PIDF = 'urn:ietf:params:xml:ns:pidf'
IMP_NS_RPID = 'urn:ietf:params:xml:ns:pidf:rpid'
IMP_PRESENCE_NO_RULE = 4294967295
IMP_STATUS_GATEWAYS = 'gateways'


class Error(IntEnum):
    """imp_error"""
    OK = 0
    INVALID_ARGUMENT = -101
    RANGE = -102
    STATE = -103
    NOT_FOUND = -104
    EXISTS = -105
    PENDING = -106
    TOO_BIG = -107
    CANCELLED = -108
    TIMEOUT = -109
    DENIED = -110
    UNAVAILABLE = -111
    MALFORMED = -112
    LIMIT = -113
    UNSUPPORTED = -114
    CONFLICT = -115
    NOMEM = -116
    CLOSED = -501
    CALLBACK = -502
    CORRUPT = -503

imp_malloc_fn = CFUNCTYPE(c_void_p, c_size_t)
imp_calloc_fn = CFUNCTYPE(c_void_p, c_size_t, c_size_t)
imp_realloc_fn = CFUNCTYPE(c_void_p, c_void_p, c_size_t)
imp_free_fn = CFUNCTYPE(None, c_void_p)


class LogLevel(IntEnum):
    """imp_log_level"""
    ERROR = 0
    WARN = 1
    INFO = 2
    DEBUG = 3
    TRACE = 4


class LogArea(IntEnum):
    """imp_log_area"""
    CORE = 0
    XML = 1
    STREAM = 2
    TLS = 3
    SASL = 4
    SM = 5
    SESSION = 6
    ROUTE = 7
    STORE = 8
    PRESENCE = 9
    FEDERATION = 10
    ARCHIVE = 11
    RCC = 12
    HTTP = 13

imp_log_fn = CFUNCTYPE(None, c_void_p, c_int, c_int, c_char_p, c_char_p)


class imp_channel_binding(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("tls_exporter", c_void_p),
        ("tls_exporter_len", c_size_t),
        ("tls_server_end_point", c_void_p),
        ("tls_server_end_point_len", c_size_t),
        ("tls_unique", c_void_p),
        ("tls_unique_len", c_size_t),
    ]


class imp_credential(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("password", c_char_p),
        ("hash", c_char_p),
        ("iterations", c_uint32),
        ("salt", c_void_p),
        ("saltlen", c_size_t),
        ("stored_key", c_void_p),
        ("server_key", c_void_p),
    ]


class HttpAuth(IntEnum):
    """imp_http_auth"""
    NONE = 0
    BASIC = 1
    DIGEST = 2
    NTLM = 3
    NEGOTIATE = 4
    BEARER = 5


class imp_http_field(Structure):
    _fields_ = [
        ("name", c_char_p),
        ("value", c_char_p),
    ]


class imp_http_request(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("method", c_char_p),
        ("url", c_char_p),
        ("fields", POINTER(imp_http_field)),
        ("nfields", c_size_t),
        ("body", c_void_p),
        ("bodylen", c_size_t),
        ("auth", c_uint32),
        ("username", c_char_p),
        ("secret", c_char_p),
        ("confidential", c_uint32),
        ("affinity", c_char_p),
        ("stream", c_uint32),
        ("idle_timeout", c_uint32),
        ("body_max", c_uint64),
        ("ca_file", c_char_p),
        ("proxy", c_char_p),
    ]

imp_http_start = CFUNCTYPE(c_int, c_void_p, c_void_p, POINTER(imp_http_request))
imp_http_cancel = CFUNCTYPE(None, c_void_p, c_void_p)


class imp_http(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("start", imp_http_start),
        ("cancel", imp_http_cancel),
    ]

imp_http_body_fn = CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t, c_void_p)


class BusyKind(IntEnum):
    """imp_busy_kind"""
    FREE = 0
    ELSEWHERE = 1
    TENTATIVE = 2
    BUSY = 3
    OOF = 4


class Tentative(IntEnum):
    """imp_tentative"""
    FREE = 0
    TENTATIVE = 1
    BUSY = 2


class imp_busy(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("start", c_uint64),
        ("end", c_uint64),
        ("kind", c_uint32),
        ("is_private", c_uint32),
        ("floating", c_uint32),
        ("subject", c_char_p),
        ("location", c_char_p),
    ]


class imp_oof(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("enabled", c_uint32),
        ("start", c_uint64),
        ("end", c_uint64),
        ("note", c_char_p),
    ]


class imp_calendar_state(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("known", c_uint32),
        ("kind", c_uint32),
        ("since", c_uint64),
        ("until", c_uint64),
        ("until_known", c_uint32),
        ("is_private", c_uint32),
        ("subject", c_char_p),
        ("location", c_char_p),
        ("source", c_char_p),
        ("out_of_office", c_uint32),
        ("note", c_char_p),
        ("oof_until", c_uint64),
    ]


class imp_calendar_settings(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("tentative", c_uint32),
        ("subjects", c_uint32),
        ("notes", c_uint32),
        ("blocks_max", c_uint32),
        ("users_max", c_uint32),
        ("answer_bytes", c_uint32),
        ("event_bytes", c_uint32),
        ("occurrences", c_uint32),
    ]


class GatewayKind(IntEnum):
    """imp_gateway_kind"""
    EWS = 0
    GRAPH = 1
    CALDAV = 2


class imp_gateway(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("kind", c_uint32),
        ("url", c_char_p),
        ("auth", c_uint32),
        ("username", c_char_p),
        ("secret", c_char_p),
        ("token_url", c_char_p),
        ("client_id", c_char_p),
        ("client_secret", c_char_p),
        ("scope", c_char_p),
        ("ca_file", c_char_p),
        ("proxy", c_char_p),
        ("impersonate", c_uint32),
        ("poll_seconds", c_uint32),
        ("window_hours", c_uint32),
        ("batch", c_uint32),
        ("concurrency", c_uint32),
        ("timeout_seconds", c_uint32),
        ("out_of_office", c_uint32),
        ("oof_seconds", c_uint32),
        ("notify", c_uint32),
        ("notified_seconds", c_uint32),
        ("streams", c_uint32),
        ("subscriptions", c_uint32),
        ("stream_minutes", c_uint32),
        ("webhook_url", c_char_p),
        ("client_state", c_char_p),
        ("subscription_minutes", c_uint32),
        ("delta", c_uint32),
        ("autodiscover_url", c_char_p),
    ]


class GatewayHealth(IntEnum):
    """imp_gateway_health"""
    NEW = 0
    UP = 1
    BUSY = 2
    DOWN = 3


class imp_gateway_status(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("kind", c_uint32),
        ("health", c_uint32),
        ("last_success", c_uint64),
        ("last_failure", c_uint64),
        ("last_error", c_char_p),
        ("waits_until", c_uint64),
        ("mailboxes", c_uint32),
        ("mailboxes_failing", c_uint32),
        ("subscribed", c_uint32),
        ("streams", c_uint32),
        ("in_flight", c_uint32),
        ("requests", c_uint64),
        ("failures", c_uint64),
        ("notifications", c_uint64),
    ]

imp_calendar_callbacks_on_change = CFUNCTYPE(None, c_void_p, c_char_p, POINTER(imp_calendar_state), c_void_p)
imp_calendar_callbacks_on_gateway = CFUNCTYPE(None, c_void_p, POINTER(imp_gateway_status), c_void_p)
imp_calendar_callbacks_get_zone = CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p)
imp_calendar_callbacks_want_turn = CFUNCTYPE(None, c_void_p, c_void_p)


class imp_calendar_callbacks(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("on_change", imp_calendar_callbacks_on_change),
        ("on_gateway", imp_calendar_callbacks_on_gateway),
        ("get_zone", imp_calendar_callbacks_get_zone),
        ("want_turn", imp_calendar_callbacks_want_turn),
        ("log", imp_log_fn),
        ("log_level", c_uint32),
    ]

imp_calendar_run_fn = CFUNCTYPE(c_int, POINTER(imp_calendar_state), c_void_p)


class imp_mailbox(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("user", c_char_p),
        ("gateway", c_char_p),
        ("mailbox", c_char_p),
        ("zone", c_char_p),
        ("group", c_char_p),
        ("url", c_char_p),
    ]


class imp_mailbox_status(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("mailbox", c_char_p),
        ("last_success", c_uint64),
        ("last_error", c_char_p),
        ("subscribed", c_uint32),
        ("known_until", c_uint64),
    ]


class imp_webhook_answer(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("status", c_uint32),
        ("content_type", c_char_p),
        ("body", c_char_p),
        ("bodylen", c_size_t),
    ]


class Role(IntEnum):
    """imp_role"""
    C2S = 0
    C2S_TLS = 1
    WEBSOCKET = 2


class imp_conn_params(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("role", c_uint32),
        ("peer", c_char_p),
        ("secure", c_uint32),
        ("binding", POINTER(imp_channel_binding)),
        ("peer_certificate", c_void_p),
        ("peer_certificate_len", c_size_t),
        ("allow_plaintext", c_uint32),
        ("proxy_protocol", c_uint32),
        ("user_data", c_void_p),
    ]


class imp_iovec(Structure):
    _fields_ = [
        ("base", c_void_p),
        ("len", c_size_t),
    ]


class imp_sasl_params(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("binding", POINTER(imp_channel_binding)),
        ("plus_offered", c_uint32),
        ("iterations", c_uint32),
        ("fake_key", c_void_p),
        ("fake_keylen", c_size_t),
        ("clear_passwords", c_uint32),
        ("fake_hash", c_char_p),
    ]


class SaslResult(IntEnum):
    """imp_sasl_result"""
    CONTINUE = 0
    SUCCESS = 1
    NEED_CREDENTIAL = 2
    NEED_HOST = 3
    FAILURE = 4


class Fate(IntEnum):
    """imp_fate"""
    IN_FLIGHT = 0
    ACKNOWLEDGED = 1
    RESENT = 2
    RETURNED = 3
    STORED = 4
    FROM_OFFLINE = 5
    REDIRECTED = 6
    HANDED_OVER = 7
    CONSUMED = 8
    REFUSED = 9
    DROPPED = 10


class DropRule(IntEnum):
    """imp_drop_rule"""
    CARBON = 0
    ERROR = 1
    GROUPCHAT = 2
    HEADLINE = 3
    NO_STORE = 4
    CHAT_STATE = 5
    ARCHIVE_RESULT = 6
    DUPLICATE = 7
    BLOCKED = 8
    USER_DELETED = 9


class imp_ledger(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("accepted", c_uint64),
        ("now", c_uint64 * 11),
        ("dropped", c_uint64 * 10),
    ]


class SmPolicy(IntEnum):
    """imp_sm_policy"""
    RETURN = 0
    STORE = 1
    REDIRECT = 2


class SmProfile(IntEnum):
    """imp_sm_profile"""
    STRICT = 0
    LIFTED = 1


class imp_sm_settings(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("enabled", c_uint32),
        ("profile", c_uint32),
        ("timeout", c_uint32),
        ("buffer_packets", c_uint32),
        ("buffer_bytes", c_uint64),
        ("ack_rate", c_uint32),
        ("policy", c_uint32),
        ("max_hibernated", c_uint32),
        ("handled_time", c_uint32),
        ("handled_max", c_uint32),
    ]


class Settled(IntEnum):
    """imp_sm_settled"""
    ACKED = 0
    RESENT_ACKED = 1
    EVICTED = 2
    ABANDONED = 3

imp_sm_callbacks_settle = CFUNCTYPE(None, c_void_p, c_void_p, c_uint32, c_int, c_void_p)
imp_sm_callbacks_evicted_acked = CFUNCTYPE(None, c_void_p, c_uint32, c_void_p)
imp_sm_callbacks_expired = CFUNCTYPE(None, c_void_p, c_void_p)
imp_sm_callbacks_random = CFUNCTYPE(c_int, c_void_p, c_size_t, c_void_p)
imp_sm_callbacks_late_acked = CFUNCTYPE(None, c_char_p, c_char_p, c_uint32, c_void_p)


class imp_sm_callbacks(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("settle", imp_sm_callbacks_settle),
        ("evicted_acked", imp_sm_callbacks_evicted_acked),
        ("expired", imp_sm_callbacks_expired),
        ("random", imp_sm_callbacks_random),
        ("late_acked", imp_sm_callbacks_late_acked),
    ]


class imp_sm_stats(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("sessions", c_uint64),
        ("hibernating", c_uint64),
        ("queued", c_uint64),
        ("queued_bytes", c_uint64),
        ("enabled", c_uint64),
        ("resumed", c_uint64),
        ("refused", c_uint64),
        ("expired", c_uint64),
        ("acked", c_uint64),
        ("resent", c_uint64),
        ("evicted", c_uint64),
        ("abandoned", c_uint64),
        ("packets", c_uint64),
        ("inherited", c_uint64),
        ("handled", c_uint64),
    ]


class ResumeResult(IntEnum):
    """imp_sm_resume_result"""
    RESUMED = 0
    UNKNOWN = 1
    NO_HISTORY = 2
    H_TOO_HIGH = 3

imp_sm_inherit_sent = CFUNCTYPE(None, c_void_p, c_void_p, c_uint32, c_void_p)


class imp_sm_state(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("id", c_char_p),
        ("user", c_char_p),
        ("in", c_uint32),
        ("out", c_uint32),
        ("acked", c_uint32),
        ("max", c_uint32),
        ("evicted", c_uint32),
        ("past", c_uint32),
    ]


class imp_store_range(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("from", c_void_p),
        ("fromlen", c_size_t),
        ("to", c_void_p),
        ("tolen", c_size_t),
        ("limit", c_uint32),
        ("reverse", c_uint32),
    ]

imp_store_get = CFUNCTYPE(c_int, c_void_p, c_void_p, c_char_p, c_char_p, c_void_p, c_size_t)
imp_store_scan = CFUNCTYPE(c_int, c_void_p, c_void_p, c_char_p, c_char_p, POINTER(imp_store_range))
imp_store_scan_all = CFUNCTYPE(c_int, c_void_p, c_void_p, c_char_p, c_uint32)
imp_store_put = CFUNCTYPE(c_int, c_void_p, c_char_p, c_char_p, c_void_p, c_size_t, c_void_p, c_size_t)
imp_store_del = CFUNCTYPE(c_int, c_void_p, c_char_p, c_char_p, c_void_p, c_size_t)
imp_store_del_range = CFUNCTYPE(c_int, c_void_p, c_char_p, c_char_p, POINTER(imp_store_range))
imp_store_erase = CFUNCTYPE(c_int, c_void_p, c_char_p)
imp_store_flush = CFUNCTYPE(c_int, c_void_p, c_void_p)


class imp_store(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("durable", c_uint32),
        ("get", imp_store_get),
        ("scan", imp_store_scan),
        ("scan_all", imp_store_scan_all),
        ("put", imp_store_put),
        ("del", imp_store_del),
        ("del_range", imp_store_del_range),
        ("erase", imp_store_erase),
        ("flush", imp_store_flush),
    ]


class StanzaKind(IntEnum):
    """imp_stanza_kind"""
    MESSAGE = 0
    PRESENCE = 1
    IQ = 2
    NONZA = 3


class StanzaType(IntEnum):
    """imp_stanza_type"""
    NONE = 0
    CHAT = 1
    GROUPCHAT = 2
    HEADLINE = 3
    NORMAL = 4
    ERROR = 5
    GET = 6
    SET = 7
    RESULT = 8
    UNAVAILABLE = 9
    SUBSCRIBE = 10
    SUBSCRIBED = 11
    UNSUBSCRIBE = 12
    UNSUBSCRIBED = 13
    PROBE = 14
    OTHER = 15


class Conflict(IntEnum):
    """imp_conflict"""
    REPLACE = 0
    REFUSE = 1
    RENAME = 2


class imp_settings(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("domain", c_char_p),
        ("node_name", c_char_p),
        ("software", c_char_p),
        ("mechanisms", c_uint32),
        ("scram_iterations", c_uint32),
        ("conflict", c_uint32),
        ("durable", c_uint32),
        ("fast", c_uint32),
        ("sm", POINTER(imp_sm_settings)),
        ("max_stanza_bytes", c_uint32),
        ("max_preauth_stanza_bytes", c_uint32),
        ("max_preauth_bytes", c_uint32),
        ("preauth_timeout", c_uint32),
        ("auth_attempts", c_uint32),
        ("max_output_bytes", c_uint32),
        ("recv_rate", c_uint32),
        ("max_connections", c_uint32),
        ("max_preauth_connections", c_uint32),
        ("max_sessions_per_user", c_uint32),
        ("offline_max", c_uint32),
        ("op_timeout", c_uint32),
        ("xml_contexts", c_uint32),
        ("log_level", c_uint32),
        ("sm_location", c_char_p),
    ]

imp_callbacks_want_write = CFUNCTYPE(None, c_void_p, c_void_p)
imp_callbacks_want_turn = CFUNCTYPE(None, c_void_p, c_void_p)
imp_callbacks_wallclock = CFUNCTYPE(c_uint64, c_void_p)
imp_callbacks_get_credential = CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p)
imp_callbacks_check_token = CFUNCTYPE(c_int, c_void_p, c_char_p, c_char_p, c_void_p)
imp_callbacks_check_certificate = CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p, c_size_t, c_void_p)
imp_callbacks_user_exists = CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p)
imp_callbacks_random = CFUNCTYPE(c_int, c_void_p, c_size_t, c_void_p)


class imp_callbacks(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("want_write", imp_callbacks_want_write),
        ("want_turn", imp_callbacks_want_turn),
        ("wallclock", imp_callbacks_wallclock),
        ("get_credential", imp_callbacks_get_credential),
        ("check_token", imp_callbacks_check_token),
        ("check_certificate", imp_callbacks_check_certificate),
        ("user_exists", imp_callbacks_user_exists),
        ("log", imp_log_fn),
        ("random", imp_callbacks_random),
    ]

imp_result_fn = CFUNCTYPE(None, c_void_p, c_int, c_void_p)
imp_stanza_fn = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p)


class SessionState(IntEnum):
    """imp_session_state"""
    CONNECTED = 0
    HIBERNATING = 1


class imp_session_info(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("jid", c_char_p),
        ("peer", c_char_p),
        ("state", c_uint32),
        ("available", c_uint32),
        ("priority", c_int32),
        ("secure", c_uint32),
        ("websocket", c_uint32),
        ("sm", c_uint32),
        ("queued", c_uint32),
        ("carbons", c_uint32),
        ("inactive", c_uint32),
        ("since", c_uint64),
    ]

imp_node_each_session_fn = CFUNCTYPE(c_int, POINTER(imp_session_info), c_void_p)


class SessionEvent(IntEnum):
    """imp_session_event"""
    OPENED = 0
    HIBERNATED = 1
    RESUMED = 2
    ENDED = 3

imp_session_fn = CFUNCTYPE(None, c_void_p, c_int, POINTER(imp_session_info), c_void_p)


class imp_stats(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("connections", c_uint64),
        ("preauth", c_uint64),
        ("sessions", c_uint64),
        ("users", c_uint64),
        ("accepted", c_uint64),
        ("logins", c_uint64),
        ("login_failures", c_uint64),
        ("stanzas_in", c_uint64),
        ("stanzas_out", c_uint64),
        ("bytes_in", c_uint64),
        ("bytes_out", c_uint64),
        ("commits", c_uint64),
        ("commit_failures", c_uint64),
        ("ops_pending", c_uint64),
        ("sm", imp_sm_stats),
        ("ledger", imp_ledger),
    ]


class imp_roster_settings(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("max_items", c_uint32),
        ("max_bytes", c_uint32),
        ("max_name_bytes", c_uint32),
        ("max_groups", c_uint32),
        ("max_group_bytes", c_uint32),
        ("max_requests", c_uint32),
        ("max_request_bytes", c_uint32),
        ("max_blocked", c_uint32),
        ("max_directed", c_uint32),
    ]


class Subscription(IntEnum):
    """imp_subscription"""
    NONE = 0
    TO = 1
    FROM = 2
    BOTH = 3


class imp_roster_item(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("jid", c_char_p),
        ("name", c_char_p),
        ("groups", POINTER(c_char_p)),
        ("ngroups", c_size_t),
        ("subscription", c_uint32),
        ("ask", c_uint32),
        ("approved", c_uint32),
        ("asked", c_uint32),
        ("listed", c_uint32),
    ]

imp_roster_fn = CFUNCTYPE(None, c_void_p, c_int, POINTER(imp_roster_item), c_size_t, c_void_p)
imp_roster_each_blocked_fn = CFUNCTYPE(c_int, c_char_p, c_void_p)
imp_roster_each_presence_fn = CFUNCTYPE(c_int, c_void_p, c_void_p)


class imp_pep_settings(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("max_nodes", c_uint32),
        ("max_items", c_uint32),
        ("max_item_bytes", c_uint32),
        ("max_bytes", c_uint32),
        ("vcard_bytes", c_uint32),
        ("private_items", c_uint32),
        ("private_bytes", c_uint32),
        ("max_accounts", c_uint32),
        ("max_caps", c_uint32),
    ]

imp_pep_item_fn = CFUNCTYPE(None, c_void_p, c_int, c_void_p, c_void_p)


class PresenceState(IntEnum):
    """imp_presence_state"""
    OFFLINE = 0
    AVAILABLE = 1
    CHAT = 2
    ELSEWHERE = 3
    TENTATIVE = 4
    IDLE = 5
    BUSY = 6
    MEETING = 7
    CALL = 8
    DND = 9
    BRB = 10
    AWAY = 11
    XA = 12
    OUT_OF_OFFICE = 13


class SourceKind(IntEnum):
    """imp_source_kind"""
    CLIENT = 0
    PHONE = 1
    CALENDAR = 2
    MANUAL = 3
    OUT_OF_OFFICE = 4
    HOST = 5


class imp_source(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("kind", c_uint32),
        ("state", c_uint32),
        ("priority", c_int32),
        ("id", c_char_p),
        ("note", c_char_p),
        ("from", c_uint64),
        ("until", c_uint64),
        ("expires", c_uint64),
    ]


class imp_presence_rule(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("name", c_char_p),
        ("kinds", c_uint32),
        ("states", c_uint32),
        ("unless", c_uint32),
        ("show_as", c_uint32),
    ]


class imp_presence_settings(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("without_client", c_uint32),
        ("busy_show", c_uint32),
        ("publish_subjects", c_uint32),
        ("status_source", c_uint32),
        ("max_sources", c_uint32),
        ("max_note", c_uint32),
        ("rules_count", c_size_t),
        ("rules", POINTER(imp_presence_rule)),
    ]


class imp_presence(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("state", c_uint32),
        ("kind", c_uint32),
        ("rule", c_uint32),
        ("idle", c_uint32),
        ("at", c_uint64),
        ("from", c_uint64),
        ("until", c_uint64),
        ("expiry", c_uint64),
        ("id", c_char_p),
        ("note", c_char_p),
        ("subject", c_char_p),
        ("away_note", c_char_p),
    ]


class imp_pidf_options(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("entity", c_char_p),
        ("contact", c_char_p),
        ("tuple_id", c_char_p),
        ("utc_offset", c_int32),
    ]


class imp_pidf(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("entity", c_char_p),
        ("contact", c_char_p),
        ("presence", imp_presence),
    ]

imp_composer_callbacks_changed = CFUNCTYPE(None, c_void_p, c_char_p, POINTER(imp_presence), c_void_p)


class imp_composer_callbacks(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("changed", imp_composer_callbacks_changed),
    ]

imp_sqlite_options_post_fn = CFUNCTYPE(None, c_void_p)
imp_sqlite_options_post = CFUNCTYPE(c_int, imp_sqlite_options_post_fn, c_void_p, c_void_p)


class imp_sqlite_options(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("post", imp_sqlite_options_post),
        ("post_ctx", c_void_p),
        ("max_pending", c_size_t),
    ]


class imp_sqlite_stats(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("noted", c_uint64),
        ("applied", c_uint64),
        ("flushes", c_uint64),
        ("commits", c_uint64),
        ("failures", c_uint64),
    ]


class StatusText(IntEnum):
    """imp_status_text"""
    NEVER = 0
    IF_NONE = 1
    ALWAYS = 2


class imp_status_settings(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("text", c_uint32),
        ("activity", c_uint32),
        ("everybody", c_uint32),
        ("users_per_turn", c_uint32),
        ("stanzas_per_turn", c_uint32),
        ("zone", c_char_p),
        ("resource", c_char_p),
        ("presence", POINTER(imp_presence_settings)),
        ("calendar", POINTER(imp_calendar_settings)),
    ]

imp_status_callbacks_changed = CFUNCTYPE(None, c_void_p, c_char_p, POINTER(imp_presence), c_void_p)
imp_status_callbacks_gateway = CFUNCTYPE(None, c_void_p, POINTER(imp_gateway_status), c_void_p)
imp_status_callbacks_get_zone = CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p)


class imp_status_callbacks(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("changed", imp_status_callbacks_changed),
        ("gateway", imp_status_callbacks_gateway),
        ("get_zone", imp_status_callbacks_get_zone),
    ]

imp_status_each_source_fn = CFUNCTYPE(c_int, POINTER(imp_source), c_void_p)


class imp_status_stats(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("users", c_uint64),
        ("waiting", c_uint64),
        ("changes", c_uint64),
        ("shown", c_uint64),
        ("activities", c_uint64),
        ("full_turns", c_uint64),
    ]

imp_ops_fn = CFUNCTYPE(None, c_void_p, c_int, c_void_p)
imp_testkit_store_run = CFUNCTYPE(None, c_void_p)
imp_testkit_store_reopen = CFUNCTYPE(c_void_p, c_void_p, c_void_p)
imp_testkit_store_set_failing = CFUNCTYPE(None, c_void_p, c_void_p, c_int)


class imp_testkit_store(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("vtable", POINTER(imp_store)),
        ("ctx", c_void_p),
        ("run", imp_testkit_store_run),
        ("reopen", imp_testkit_store_reopen),
        ("user_data", c_void_p),
        ("set_failing", imp_testkit_store_set_failing),
    ]


#: library: function: (result, arguments)
FUNCTIONS: dict[str, dict[str, tuple[Any, tuple[Any, ...]]]] = {
  "imp": {
    "imp_version": (c_char_p, ()),
    "imp_strerror": (c_char_p, (c_int,)),
    "imp_error_name": (c_char_p, (c_int,)),
    "imp_error_is_fatal": (c_int, (c_int,)),
    "imp_replace_allocator": (c_int, (imp_malloc_fn, imp_calloc_fn, imp_realloc_fn, imp_free_fn,)),
    "imp_free": (None, (c_void_p,)),
    "imp_log_level_name": (c_char_p, (c_int,)),
    "imp_log_area_name": (c_char_p, (c_int,)),
    "imp_op_add_row": (c_int, (c_void_p, c_void_p, c_size_t, c_void_p, c_size_t,)),
    "imp_op_set_credential": (c_int, (c_void_p, POINTER(imp_credential),)),
    "imp_op_done": (None, (c_void_p, c_int,)),
    "imp_op_is_cancelled": (c_int, (c_void_p,)),
    "imp_op_deadline": (c_uint64, (c_void_p,)),
    "imp_op_set_user_data": (None, (c_void_p, c_void_p,)),
    "imp_op_get_user_data": (c_void_p, (c_void_p,)),
    "imp_http_status": (c_int, (c_void_p, c_uint32,)),
    "imp_http_header": (c_int, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t,)),
    "imp_http_body": (c_int, (c_void_p, c_void_p, c_size_t,)),
    "imp_http_error": (None, (c_void_p, c_char_p,)),
    "imp_http_expect": (c_int, (c_void_p, c_uint64, imp_http_body_fn, c_void_p,)),
    "imp_http_get_status": (c_uint32, (c_void_p,)),
    "imp_http_get_header": (c_char_p, (c_void_p, c_char_p,)),
    "imp_http_get_field": (c_int, (c_void_p, c_size_t, POINTER(c_char_p), POINTER(c_char_p),)),
    "imp_http_get_body": (c_char_p, (c_void_p, POINTER(c_size_t),)),
    "imp_http_get_error": (c_char_p, (c_void_p,)),
    "imp_busy_kind_name": (c_char_p, (c_int,)),
    "imp_calendar_settings_default": (None, (POINTER(imp_calendar_settings), c_size_t,)),
    "imp_calendar_settings_check": (c_int, (POINTER(imp_calendar_settings), c_char_p, c_size_t,)),
    "imp_gateway_default": (None, (POINTER(imp_gateway), c_size_t, c_int,)),
    "imp_gateway_check": (c_int, (POINTER(imp_gateway), c_char_p, c_size_t,)),
    "imp_calendar_new": (
        c_int,
        (POINTER(c_void_p), POINTER(imp_calendar_settings), POINTER(imp_calendar_callbacks), c_void_p, c_uint64, c_uint64,)),
    "imp_calendar_del": (None, (c_void_p,)),
    "imp_calendar_set_http": (c_int, (c_void_p, POINTER(imp_http), c_void_p,)),
    "imp_calendar_last_error": (c_char_p, (c_void_p,)),
    "imp_calendar_turn": (c_int, (c_void_p, c_uint64, c_uint64,)),
    "imp_calendar_get_expiry": (c_uint64, (c_void_p,)),
    "imp_calendar_handle_expiry": (c_int, (c_void_p, c_uint64, c_uint64,)),
    "imp_calendar_put": (
        c_int, (c_void_p, c_char_p, c_char_p, c_char_p, c_uint64, c_uint64, POINTER(imp_busy), c_size_t,)),
    "imp_calendar_put_oof": (c_int, (c_void_p, c_char_p, c_char_p, POINTER(imp_oof),)),
    "imp_calendar_get": (c_int, (c_void_p, c_char_p, POINTER(imp_calendar_state),)),
    "imp_calendar_runs": (c_int, (c_void_p, c_char_p, c_uint64, c_uint64, imp_calendar_run_fn, c_void_p,)),
    "imp_calendar_set_gateway": (c_int, (c_void_p, POINTER(imp_gateway),)),
    "imp_calendar_remove_gateway": (c_int, (c_void_p, c_char_p,)),
    "imp_calendar_gateway_status": (c_int, (c_void_p, c_char_p, POINTER(imp_gateway_status),)),
    "imp_calendar_gateway_at": (c_int, (c_void_p, c_size_t, POINTER(imp_gateway_status),)),
    "imp_calendar_map": (c_int, (c_void_p, POINTER(imp_mailbox),)),
    "imp_calendar_unmap": (c_int, (c_void_p, c_char_p, c_char_p,)),
    "imp_calendar_mailbox_status": (c_int, (c_void_p, c_char_p, c_char_p, POINTER(imp_mailbox_status),)),
    "imp_calendar_refresh": (c_int, (c_void_p, c_char_p, c_char_p,)),
    "imp_calendar_webhook": (c_int, (c_void_p, c_char_p, c_void_p, c_size_t, POINTER(imp_webhook_answer),)),
    "imp_calendar_add_zone": (c_int, (c_void_p, c_char_p, c_void_p, c_size_t,)),
    "imp_calendar_local_time": (c_int, (c_void_p, c_char_p, c_uint64, POINTER(c_uint64),)),
    "imp_windows_zone": (c_char_p, (c_char_p,)),
    "imp_conn_recv": (c_int, (c_void_p, c_void_p, c_size_t, c_uint64,)),
    "imp_conn_recv_eof": (c_int, (c_void_p, c_uint64,)),
    "imp_conn_is_paused": (c_int, (c_void_p,)),
    "imp_conn_send_peekv": (c_size_t, (c_void_p, POINTER(imp_iovec), c_size_t,)),
    "imp_conn_send_peek": (c_void_p, (c_void_p, POINTER(c_size_t),)),
    "imp_conn_send_done": (None, (c_void_p, c_size_t, c_uint64,)),
    "imp_conn_pending": (c_size_t, (c_void_p,)),
    "imp_conn_want_close": (c_int, (c_void_p,)),
    "imp_conn_close": (None, (c_void_p, c_char_p, c_uint64,)),
    "imp_conn_del": (None, (c_void_p, c_uint64,)),
    "imp_conn_get_user_data": (c_void_p, (c_void_p,)),
    "imp_conn_set_user_data": (None, (c_void_p, c_void_p,)),
    "imp_conn_get_peer": (c_char_p, (c_void_p,)),
    "imp_conn_get_jid": (c_char_p, (c_void_p,)),
    "imp_conn_is_secure": (c_int, (c_void_p,)),
    "imp_conn_last_error": (c_char_p, (c_void_p,)),
    "imp_jid_new": (c_int, (POINTER(c_void_p), c_char_p, c_size_t,)),
    "imp_jid_new_parts": (c_int, (POINTER(c_void_p), c_char_p, c_char_p, c_char_p,)),
    "imp_jid_ref": (c_void_p, (c_void_p,)),
    "imp_jid_del": (None, (c_void_p,)),
    "imp_jid_full": (c_char_p, (c_void_p,)),
    "imp_jid_bare": (c_char_p, (c_void_p,)),
    "imp_jid_local": (c_char_p, (c_void_p,)),
    "imp_jid_domain": (c_char_p, (c_void_p,)),
    "imp_jid_resource": (c_char_p, (c_void_p,)),
    "imp_jid_is_bare": (c_int, (c_void_p,)),
    "imp_jid_equal": (c_int, (c_void_p, c_void_p,)),
    "imp_jid_equal_bare": (c_int, (c_void_p, c_void_p,)),
    "imp_sasl_mechanism_name": (c_char_p, (c_uint32,)),
    "imp_sasl_mechanism_by_name": (c_uint32, (c_char_p, c_size_t,)),
    "imp_channel_binding_types": (c_size_t, (POINTER(imp_channel_binding), POINTER(c_char_p),)),
    "imp_sasl_new": (c_int, (POINTER(c_void_p), c_uint32, POINTER(imp_sasl_params),)),
    "imp_sasl_del": (None, (c_void_p,)),
    "imp_sasl_step": (c_int, (c_void_p, c_void_p, c_size_t, POINTER(c_void_p), POINTER(c_size_t),)),
    "imp_sasl_credential": (c_int, (c_void_p, POINTER(imp_credential), POINTER(c_void_p), POINTER(c_size_t),)),
    "imp_sasl_decide": (c_int, (c_void_p, c_char_p, c_void_p, c_size_t, POINTER(c_void_p), POINTER(c_size_t),)),
    "imp_sasl_token_matches": (c_int, (c_void_p, c_void_p, c_size_t,)),
    "imp_sasl_mechanism": (c_uint32, (c_void_p,)),
    "imp_sasl_hash": (c_char_p, (c_void_p,)),
    "imp_sasl_username": (c_char_p, (c_void_p,)),
    "imp_sasl_authzid": (c_char_p, (c_void_p,)),
    "imp_sasl_token": (c_char_p, (c_void_p,)),
    "imp_sasl_condition": (c_char_p, (c_void_p, POINTER(c_char_p),)),
    "imp_sasl_failure_is_negotiation": (c_int, (c_void_p,)),
    "imp_scram_keys_new": (c_int, (POINTER(c_void_p), c_char_p, c_char_p, c_void_p, c_size_t, c_uint32,)),
    "imp_scram_keys_get": (POINTER(imp_credential), (c_void_p,)),
    "imp_scram_keys_del": (None, (c_void_p,)),
    "imp_ledger_init": (None, (POINTER(imp_ledger),)),
    "imp_ledger_accept": (None, (POINTER(imp_ledger),)),
    "imp_ledger_move": (None, (POINTER(imp_ledger), c_int, c_int,)),
    "imp_ledger_drop": (None, (POINTER(imp_ledger), c_int, c_int,)),
    "imp_ledger_balances": (c_int, (POINTER(imp_ledger),)),
    "imp_fate_name": (c_char_p, (c_int,)),
    "imp_drop_rule_name": (c_char_p, (c_int,)),
    "imp_sm_settings_default": (None, (POINTER(imp_sm_settings), c_size_t,)),
    "imp_sm_settings_check": (c_int, (POINTER(imp_sm_settings), c_char_p, c_size_t,)),
    "imp_sm_manager_new": (
        c_int,
        (POINTER(c_void_p), POINTER(imp_sm_settings), POINTER(imp_sm_callbacks), c_char_p, c_char_p, c_size_t, c_void_p,)),
    "imp_sm_manager_del": (None, (c_void_p,)),
    "imp_sm_manager_set": (c_int, (c_void_p, POINTER(imp_sm_settings), c_char_p, c_size_t,)),
    "imp_sm_manager_get": (POINTER(imp_sm_settings), (c_void_p,)),
    "imp_sm_manager_get_expiry": (c_uint64, (c_void_p,)),
    "imp_sm_manager_handle_expiry": (None, (c_void_p, c_uint64,)),
    "imp_sm_manager_expire_all": (None, (c_void_p, c_uint64,)),
    "imp_sm_manager_stats": (None, (c_void_p, POINTER(imp_sm_stats), c_size_t,)),
    "imp_sm_new": (c_int, (c_void_p, POINTER(c_void_p), c_char_p, c_int, c_uint32, c_uint64, c_void_p,)),
    "imp_sm_del": (None, (c_void_p, c_int, c_uint64,)),
    "imp_sm_get_session_data": (c_void_p, (c_void_p,)),
    "imp_sm_set_session_data": (None, (c_void_p, c_void_p,)),
    "imp_sm_get_manager": (c_void_p, (c_void_p,)),
    "imp_sm_get_id": (c_char_p, (c_void_p,)),
    "imp_sm_get_user": (c_char_p, (c_void_p,)),
    "imp_sm_get_settings": (POINTER(imp_sm_settings), (c_void_p,)),
    "imp_sm_get_max": (c_uint32, (c_void_p,)),
    "imp_sm_get_in": (c_uint32, (c_void_p,)),
    "imp_sm_get_out": (c_uint32, (c_void_p,)),
    "imp_sm_get_acked": (c_uint32, (c_void_p,)),
    "imp_sm_get_queued": (c_size_t, (c_void_p,)),
    "imp_sm_get_queued_bytes": (c_uint64, (c_void_p,)),
    "imp_sm_get_room": (c_size_t, (c_void_p,)),
    "imp_sm_is_hibernating": (c_int, (c_void_p,)),
    "imp_sm_get_deadline": (c_uint64, (c_void_p,)),
    "imp_sm_received": (None, (c_void_p,)),
    "imp_sm_sent": (c_int, (c_void_p, c_void_p, c_size_t,)),
    "imp_sm_acked": (c_int, (c_void_p, c_uint32,)),
    "imp_sm_r_outstanding": (c_int, (c_void_p,)),
    "imp_sm_requested": (None, (c_void_p,)),
    "imp_sm_set_inactive": (None, (c_void_p, c_int,)),
    "imp_sm_disconnected": (c_int, (c_void_p, c_uint64,)),
    "imp_sm_resume": (
        c_int,
        (c_void_p, c_char_p, c_char_p, c_uint32, c_uint64, POINTER(c_void_p), POINTER(c_uint32), POINTER(c_int),)),
    "imp_sm_next_unacked": (c_void_p, (c_void_p, POINTER(c_size_t), POINTER(c_uint32), c_int,)),
    "imp_sm_inherit": (c_int, (c_void_p, c_void_p, c_int, c_uint32, c_uint64, imp_sm_inherit_sent, c_void_p,)),
    "imp_sm_find_hibernating": (c_void_p, (c_void_p, c_char_p,)),
    "imp_sm_next_hibernating": (c_void_p, (c_void_p,)),
    "imp_sm_find": (c_void_p, (c_void_p, c_char_p, c_char_p,)),
    "imp_sm_get_state": (None, (c_void_p, POINTER(imp_sm_state), c_size_t,)),
    "imp_sm_restore": (c_int, (c_void_p, POINTER(c_void_p), POINTER(imp_sm_state), c_uint64, c_void_p,)),
    "imp_sm_restore_packet": (c_int, (c_void_p, c_void_p, c_size_t, c_uint32,)),
    "imp_sm_restore_handled": (c_int, (c_void_p, POINTER(imp_sm_state), c_uint32, c_uint64,)),
    "imp_sm_write_enabled": (c_size_t, (c_void_p, c_char_p, c_char_p,)),
    "imp_sm_write_resumed": (c_size_t, (c_void_p, c_char_p,)),
    "imp_sm_write_failed": (c_size_t, (c_char_p, c_int, c_uint32, c_char_p,)),
    "imp_sm_write_r": (c_size_t, (c_char_p,)),
    "imp_sm_write_a": (c_size_t, (c_void_p, c_char_p,)),
    "imp_sm_write_too_high": (c_size_t, (c_uint32, c_uint32, c_char_p,)),
    "imp_sm_parse_h": (c_int, (c_char_p, POINTER(c_uint32),)),
    "imp_sm_parse_resume": (c_int, (c_char_p,)),
    "imp_sm_parse_max": (c_uint32, (c_char_p,)),
    "imp_elem_name": (c_char_p, (c_void_p,)),
    "imp_elem_ns": (c_char_p, (c_void_p,)),
    "imp_elem_is": (c_int, (c_void_p, c_char_p, c_char_p,)),
    "imp_elem_attr": (c_char_p, (c_void_p, c_char_p,)),
    "imp_elem_attr_ns": (c_char_p, (c_void_p, c_char_p, c_char_p,)),
    "imp_elem_text": (c_char_p, (c_void_p, POINTER(c_size_t),)),
    "imp_elem_first": (c_void_p, (c_void_p,)),
    "imp_elem_next": (c_void_p, (c_void_p,)),
    "imp_elem_child": (c_void_p, (c_void_p, c_char_p, c_char_p,)),
    "imp_stanza_get_kind": (c_int, (c_void_p,)),
    "imp_stanza_get_type": (c_int, (c_void_p,)),
    "imp_stanza_get_id": (c_char_p, (c_void_p,)),
    "imp_stanza_get_from": (c_void_p, (c_void_p,)),
    "imp_stanza_get_to": (c_void_p, (c_void_p,)),
    "imp_stanza_get_body": (c_char_p, (c_void_p,)),
    "imp_stanza_root": (c_void_p, (c_void_p,)),
    "imp_stanza_child": (c_void_p, (c_void_p, c_char_p, c_char_p,)),
    "imp_stanza_ref": (c_void_p, (c_void_p,)),
    "imp_stanza_del": (None, (c_void_p,)),
    "imp_stanza_to_text": (c_void_p, (c_void_p, POINTER(c_size_t),)),
    "imp_stanza_parse": (c_int, (POINTER(c_void_p), c_char_p, c_size_t,)),
    "imp_stanza_new": (c_int, (POINTER(c_void_p), c_char_p, c_char_p,)),
    "imp_stanza_set_from": (None, (c_void_p, c_void_p,)),
    "imp_stanza_set_to": (None, (c_void_p, c_void_p,)),
    "imp_stanza_set_id": (None, (c_void_p, c_char_p,)),
    "imp_stanza_set_type": (None, (c_void_p, c_int,)),
    "imp_stanza_edit": (c_void_p, (c_void_p,)),
    "imp_elem_add": (c_void_p, (c_void_p, c_void_p, c_char_p, c_char_p,)),
    "imp_elem_add_text": (c_void_p, (c_void_p, c_void_p, c_char_p, c_char_p, c_char_p,)),
    "imp_elem_set_attr": (None, (c_void_p, c_void_p, c_char_p, c_char_p,)),
    "imp_elem_append_text": (None, (c_void_p, c_void_p, c_char_p, c_size_t,)),
    "imp_elem_add_copy": (c_void_p, (c_void_p, c_void_p, c_void_p,)),
    "imp_stanza_is_broken": (c_int, (c_void_p,)),
    "imp_stanza_new_reply": (c_int, (POINTER(c_void_p), c_void_p,)),
    "imp_stanza_new_error": (c_int, (POINTER(c_void_p), c_void_p, c_char_p, c_char_p,)),
    "imp_settings_default": (None, (POINTER(imp_settings), c_size_t,)),
    "imp_node_new": (c_int, (POINTER(c_void_p), POINTER(imp_settings), POINTER(imp_callbacks), c_void_p,)),
    "imp_node_new_error": (c_char_p, ()),
    "imp_node_del": (None, (c_void_p,)),
    "imp_node_last_error": (c_char_p, (c_void_p,)),
    "imp_node_domain": (c_char_p, (c_void_p,)),
    "imp_node_get_user_data": (c_void_p, (c_void_p,)),
    "imp_node_set_store": (c_int, (c_void_p, POINTER(imp_store), c_void_p,)),
    "imp_node_is_ready": (c_int, (c_void_p,)),
    "imp_node_set_tls": (c_int, (c_void_p, c_char_p, c_char_p, c_char_p,)),
    "imp_node_tls_fingerprint": (c_int, (c_void_p, c_char_p,)),
    "imp_node_set_sm": (c_int, (c_void_p, POINTER(imp_sm_settings),)),
    "imp_node_set_log_level": (c_int, (c_void_p, c_int,)),
    "imp_node_accept": (c_int, (c_void_p, POINTER(c_void_p), POINTER(imp_conn_params), c_uint64,)),
    "imp_node_turn": (None, (c_void_p, c_uint64,)),
    "imp_node_get_expiry": (c_uint64, (c_void_p,)),
    "imp_node_handle_expiry": (None, (c_void_p, c_uint64,)),
    "imp_node_set_wallclock": (None, (c_void_p, c_uint64,)),
    "imp_node_shutdown": (None, (c_void_p, c_char_p, c_uint64,)),
    "imp_node_account_set": (c_int, (c_void_p, c_char_p, c_char_p, imp_result_fn, c_void_p,)),
    "imp_node_account_ensure": (c_int, (c_void_p, c_char_p, c_char_p, imp_result_fn, c_void_p,)),
    "imp_node_account_del": (c_int, (c_void_p, c_char_p, imp_result_fn, c_void_p,)),
    "imp_node_handle_jid": (c_int, (c_void_p, c_char_p, imp_stanza_fn, c_void_p,)),
    "imp_node_handle_iq": (c_int, (c_void_p, c_char_p, imp_stanza_fn, c_void_p,)),
    "imp_node_send": (c_int, (c_void_p, c_void_p,)),
    "imp_node_reply_text": (c_int, (c_void_p, c_void_p, c_char_p,)),
    "imp_node_each_session": (c_int, (c_void_p, c_char_p, imp_node_each_session_fn, c_void_p,)),
    "imp_node_end_session": (c_int, (c_void_p, c_char_p, c_char_p,)),
    "imp_node_on_session": (c_int, (c_void_p, imp_session_fn, c_void_p,)),
    "imp_node_stats": (None, (c_void_p, POINTER(imp_stats), c_size_t,)),
    "imp_roster_settings_default": (None, (POINTER(imp_roster_settings), c_size_t,)),
    "imp_roster_set_settings": (c_int, (c_void_p, POINTER(imp_roster_settings),)),
    "imp_roster_list": (c_int, (c_void_p, c_char_p, imp_roster_fn, c_void_p,)),
    "imp_roster_set": (c_int, (c_void_p, c_char_p, POINTER(imp_roster_item), imp_result_fn, c_void_p,)),
    "imp_roster_remove": (c_int, (c_void_p, c_char_p, c_char_p, imp_result_fn, c_void_p,)),
    "imp_roster_subscribe": (c_int, (c_void_p, c_char_p, c_char_p, imp_result_fn, c_void_p,)),
    "imp_roster_unsubscribe": (c_int, (c_void_p, c_char_p, c_char_p, imp_result_fn, c_void_p,)),
    "imp_roster_block": (c_int, (c_void_p, c_char_p, c_char_p, imp_result_fn, c_void_p,)),
    "imp_roster_unblock": (c_int, (c_void_p, c_char_p, c_char_p, imp_result_fn, c_void_p,)),
    "imp_roster_is_blocked": (c_int, (c_void_p, c_char_p, c_char_p,)),
    "imp_roster_each_blocked": (c_int, (c_void_p, c_char_p, imp_roster_each_blocked_fn, c_void_p,)),
    "imp_roster_each_presence": (c_int, (c_void_p, c_char_p, imp_roster_each_presence_fn, c_void_p,)),
    "imp_memory_store_new": (c_int, (POINTER(c_void_p),)),
    "imp_memory_store_vtable": (POINTER(imp_store), ()),
    "imp_memory_store_del": (None, (c_void_p,)),
    "imp_pep_settings_default": (None, (POINTER(imp_pep_settings), c_size_t,)),
    "imp_pep_set_settings": (c_int, (c_void_p, POINTER(imp_pep_settings),)),
    "imp_pep_publish": (c_int, (c_void_p, c_char_p, c_char_p, c_char_p, c_char_p, imp_result_fn, c_void_p,)),
    "imp_pep_retract": (c_int, (c_void_p, c_char_p, c_char_p, c_char_p, imp_result_fn, c_void_p,)),
    "imp_pep_get": (c_int, (c_void_p, c_char_p, c_char_p, c_char_p, imp_pep_item_fn, c_void_p,)),
    "imp_pep_set_vcard": (c_int, (c_void_p, c_char_p, c_char_p, imp_result_fn, c_void_p,)),
    "imp_pep_get_vcard": (c_int, (c_void_p, c_char_p, imp_pep_item_fn, c_void_p,)),
    "imp_presence_state_name": (c_char_p, (c_int,)),
    "imp_source_kind_name": (c_char_p, (c_int,)),
    "imp_presence_default_rules": (POINTER(imp_presence_rule), (POINTER(c_size_t),)),
    "imp_presence_settings_default": (None, (POINTER(imp_presence_settings), c_size_t,)),
    "imp_presence_settings_check": (c_int, (POINTER(imp_presence_settings), c_char_p, c_size_t,)),
    "imp_presence_compose": (
        c_int,
        (POINTER(imp_presence), c_size_t, POINTER(imp_presence_settings), POINTER(POINTER(imp_source)), c_size_t, c_uint64,)),
    "imp_presence_equal": (c_int, (POINTER(imp_presence), POINTER(imp_presence),)),
    "imp_presence_write_reason": (c_size_t, (POINTER(imp_presence), c_int32, c_char_p, c_size_t,)),
    "imp_presence_write_status": (
        c_size_t, (POINTER(imp_presence), POINTER(imp_presence_settings), c_int32, c_char_p, c_size_t,)),
    "imp_presence_get_show": (c_char_p, (POINTER(imp_presence), POINTER(imp_presence_settings),)),
    "imp_presence_write_xmpp": (
        c_size_t, (POINTER(imp_presence), POINTER(imp_presence_settings), c_int32, c_char_p, c_size_t,)),
    "imp_presence_write_activity": (c_size_t, (POINTER(imp_presence), c_int32, c_char_p, c_size_t,)),
    "imp_presence_from_show": (c_int, (c_char_p,)),
    "imp_presence_write_pidf": (
        c_size_t,
        (POINTER(imp_presence), POINTER(imp_presence_settings), POINTER(imp_pidf_options), c_char_p, c_size_t,)),
    "imp_pidf_parse": (c_int, (POINTER(POINTER(imp_pidf)), c_char_p, c_size_t, c_uint64,)),
    "imp_pidf_del": (None, (POINTER(imp_pidf),)),
    "imp_presence_get_ms_number": (c_uint32, (POINTER(imp_presence),)),
    "imp_presence_get_ms_activity": (c_char_p, (POINTER(imp_presence),)),
    "imp_presence_from_ms": (None, (POINTER(imp_presence), c_size_t, c_uint32, c_char_p,)),
    "imp_composer_new": (
        c_int,
        (POINTER(c_void_p), POINTER(imp_presence_settings), POINTER(imp_composer_callbacks), c_char_p, c_size_t, c_void_p,)),
    "imp_composer_del": (None, (c_void_p,)),
    "imp_composer_set_settings": (c_int, (c_void_p, POINTER(imp_presence_settings), c_char_p, c_size_t, c_uint64,)),
    "imp_composer_set": (c_int, (c_void_p, c_char_p, POINTER(imp_source), c_uint64,)),
    "imp_composer_remove": (c_int, (c_void_p, c_char_p, c_int, c_char_p, c_uint64,)),
    "imp_composer_forget": (c_int, (c_void_p, c_char_p, c_uint64,)),
    "imp_composer_get": (None, (c_void_p, c_char_p, POINTER(imp_presence), c_size_t, c_uint64,)),
    "imp_composer_next_source": (POINTER(imp_source), (c_void_p, c_char_p, POINTER(c_size_t),)),
    "imp_composer_get_expiry": (c_uint64, (c_void_p,)),
    "imp_composer_handle_expiry": (c_int, (c_void_p, c_uint64,)),
    "imp_composer_count": (c_size_t, (c_void_p,)),
    "imp_status_settings_default": (None, (POINTER(imp_status_settings), c_size_t,)),
    "imp_status_settings_check": (c_int, (POINTER(imp_status_settings), c_char_p, c_size_t,)),
    "imp_status_set_settings": (
        c_int, (c_void_p, POINTER(imp_status_settings), POINTER(imp_status_callbacks), c_void_p,)),
    "imp_status_get_calendar": (c_int, (c_void_p, POINTER(c_void_p),)),
    "imp_status_put": (c_int, (c_void_p, c_char_p, POINTER(imp_source),)),
    "imp_status_remove": (c_int, (c_void_p, c_char_p, c_int, c_char_p,)),
    "imp_status_get": (c_int, (c_void_p, c_char_p, POINTER(imp_presence), c_size_t,)),
    "imp_status_each_source": (c_int, (c_void_p, c_char_p, imp_status_each_source_fn, c_void_p,)),
    "imp_status_utc_offset": (c_int32, (c_void_p, c_uint64,)),
    "imp_status_get_stats": (None, (c_void_p, POINTER(imp_status_stats), c_size_t,)),
    "imp_malloc": (c_void_p, (c_size_t,)),
    "imp_calloc": (c_void_p, (c_size_t, c_size_t,)),
    "imp_realloc": (c_void_p, (c_void_p, c_size_t,)),
    "imp_ops_new": (c_int, (POINTER(c_void_p),)),
    "imp_ops_del": (None, (c_void_p,)),
    "imp_ops_add": (c_void_p, (c_void_p, imp_ops_fn, c_void_p,)),
    "imp_ops_started": (None, (c_void_p, c_int,)),
    "imp_ops_run": (c_size_t, (c_void_p,)),
    "imp_ops_pending": (c_size_t, (c_void_p,)),
    "imp_ops_rows": (c_size_t, (c_void_p,)),
    "imp_ops_row": (
        c_int,
        (c_void_p, c_size_t, POINTER(c_void_p), POINTER(c_size_t), POINTER(c_void_p), POINTER(c_size_t),)),
    "imp_testkit_store_check": (c_int, (POINTER(imp_testkit_store), c_char_p, c_size_t,)),
  },
  "imp-sqlite": {
    "imp_sqlite_new": (c_int, (POINTER(c_void_p), c_char_p, POINTER(imp_sqlite_options), c_char_p, c_size_t,)),
    "imp_sqlite_vtable": (POINTER(imp_store), ()),
    "imp_sqlite_last_error": (c_char_p, (c_void_p,)),
    "imp_sqlite_get_stats": (None, (c_void_p, POINTER(imp_sqlite_stats), c_size_t,)),
    "imp_sqlite_del": (None, (c_void_p,)),
  },
}
