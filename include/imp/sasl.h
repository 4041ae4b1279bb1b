/*
 * imp/sasl.h: SASL mechanisms, server side (RFC 4422), without XML: bytes in, bytes out.
 *
 * An exchange is one attempt of one client.  It never looks credentials up by itself: it says whose it wants, the
 * host gives them (or says that there are none) and the exchange goes on.  An unknown user costs the same work, and
 * looks the same, as a wrong password.
 */
#ifndef IMP_SASL_H
#define IMP_SASL_H

#include <imp/binding.h>
#include <imp/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Mechanisms, as bits. */
#define IMP_SASL_PLAIN (1u << 0)              /**< RFC 4616; only over TLS */
#define IMP_SASL_SCRAM_SHA_1 (1u << 1)        /**< RFC 5802 */
#define IMP_SASL_SCRAM_SHA_256 (1u << 2)      /**< RFC 7677 */
#define IMP_SASL_SCRAM_SHA_512 (1u << 3)
#define IMP_SASL_SCRAM_SHA_1_PLUS (1u << 4)
#define IMP_SASL_SCRAM_SHA_256_PLUS (1u << 5)
#define IMP_SASL_SCRAM_SHA_512_PLUS (1u << 6)
#define IMP_SASL_EXTERNAL (1u << 7)           /**< the peer's certificate (XEP-0178) */
#define IMP_SASL_ANONYMOUS (1u << 8)          /**< RFC 4505 */
#define IMP_SASL_OAUTHBEARER (1u << 9)        /**< RFC 7628; the host judges the token */
#define IMP_SASL_HT_SHA_256_NONE (1u << 10)   /**< FAST (XEP-0484) */
#define IMP_SASL_HT_SHA_256_UNIQ (1u << 11)   /**< … bound by tls-unique */
#define IMP_SASL_HT_SHA_256_ENDP (1u << 12)   /**< … bound by tls-server-end-point */
#define IMP_SASL_HT_SHA_256_EXPR (1u << 13)   /**< … bound by tls-exporter */

/** The name as on the wire ("SCRAM-SHA-256-PLUS"), NULL for no single bit; and back: 0 if unknown. */
IMP_EXTERN const char *imp_sasl_mechanism_name(uint32_t mechanism);
IMP_EXTERN uint32_t imp_sasl_mechanism_by_name(const char *name, size_t namelen);

/** The types that a binding has data for, as XEP-0440 lists them, best first; at most 3 are written. Returns how many. */
IMP_EXTERN size_t imp_channel_binding_types(const imp_channel_binding *binding, const char *types[3]);

/** What an exchange may know. The struct is copied; what it points at is borrowed for the life of the exchange. */
typedef struct imp_sasl_params {
  size_t size;
  /** NULL: the stream is not encrypted. Encrypted, but no binding is known: a struct without data. */
  const imp_channel_binding *binding;
  /** Non-zero: the client was offered a -PLUS mechanism. "y" is then a downgrade and fails (RFC 5802 §6). */
  uint32_t plus_offered;
  /** For the fake answer to unknown users: what real accounts have. 4096 … 10,000,000; 0: the default, 10,000. */
  uint32_t iterations;
  /** 16 … 64 secret bytes, constant for the life of the service: unknown users get stable salts. Required. */
  const void *fake_key;
  size_t fake_keylen;
  /** What the host keeps, so that an unknown user costs what a known one does. 0: SCRAM keys; 1: passwords in the clear;
   *  2: passwords in the clear beside SCRAM keys of every hash. */
  uint32_t clear_passwords;
  /** The hash that PLAIN spends on unknown users, without passwords in the clear: that of real accounts. NULL: "SHA-256". */
  const char *fake_hash;
} imp_sasl_params;

typedef struct imp_sasl imp_sasl;

/** What a step came to. */
typedef enum imp_sasl_result {
  IMP_SASL_CONTINUE = 0,    /**< send the output (perhaps empty) as a challenge */
  IMP_SASL_SUCCESS,         /**< send the output with the success (NULL: none); imp_sasl_username() is who it is */
  IMP_SASL_NEED_CREDENTIAL, /**< give it by imp_sasl_credential(), then go on with its result */
  IMP_SASL_NEED_HOST,       /**< EXTERNAL, ANONYMOUS, OAUTHBEARER, HT-*: the host decides, by imp_sasl_decide() */
  IMP_SASL_FAILURE          /**< imp_sasl_condition() says why; nothing but imp_sasl_del() is useful then */
} imp_sasl_result;

/** The longest message of a client's; longer ones are malformed. */
#define IMP_SASL_MESSAGE_MAX 16384

/**
 * A new exchange.
 * Returns IMP_ERR_UNSUPPORTED for an unknown mechanism, IMP_ERR_DENIED for one that needs a binding or TLS that is not
 * there, IMP_ERR_INVALID_ARGUMENT without a fake_key, IMP_ERR_RANGE for an iteration count or a key length out of range,
 * IMP_ERR_NOMEM.
 */
IMP_EXTERN int imp_sasl_new(imp_sasl **sasl, uint32_t mechanism, const imp_sasl_params *params);
/** Wipes and frees. NULL is allowed. */
IMP_EXTERN void imp_sasl_del(imp_sasl *sasl);
/**
 * A message of the client's, decoded; `in` NULL: there was none (no initial response).  Out of turn (after the end, or
 * while the host is asked) it is a malformed request.  Output stays valid until the next call; `out` and `outlen` may
 * not be NULL; *out is NULL when there is nothing to send, not even an empty message.
 */
IMP_EXTERN imp_sasl_result imp_sasl_step(imp_sasl *sasl, const void *in, size_t inlen, const void **out,
                                         size_t *outlen);
/**
 * Answers IMP_SASL_NEED_CREDENTIAL, copying what it needs.  `credential` NULL: unknown user, as is one whose keys are for
 * another hash than imp_sasl_hash() and that has no password in the clear.  The client learns of either at the end only.
 */
IMP_EXTERN imp_sasl_result imp_sasl_credential(imp_sasl *sasl, const imp_credential *credential, const void **out,
                                               size_t *outlen);
/**
 * Answers IMP_SASL_NEED_HOST: `username` NULL refuses; otherwise the user as whom the peer is let in (copied).
 * For HT-* `token` and `tokenlen` are the FAST token's secret, NULL refuses; for the rest they are NULL.
 * Whether a user may act as imp_sasl_authzid() is the host's to judge, before it answers.
 */
IMP_EXTERN imp_sasl_result imp_sasl_decide(imp_sasl *sasl, const char *username, const void *token, size_t tokenlen,
                                           const void **out, size_t *outlen);
/**
 * HT-* while the host is asked: non-zero if the client has proved that it knows this secret.  In constant time; may be
 * asked of several tokens before imp_sasl_decide().
 */
IMP_EXTERN int imp_sasl_token_matches(const imp_sasl *sasl, const void *token, size_t tokenlen);
/** The mechanism's bit. */
IMP_EXTERN uint32_t imp_sasl_mechanism(const imp_sasl *sasl);
/** Which hash this exchange needs: "SHA-1", "SHA-256", "SHA-512"; NULL for PLAIN (any will do) and the rest. */
IMP_EXTERN const char *imp_sasl_hash(const imp_sasl *sasl);
/**
 * The authentication identity that the client claims (SASLprep'd; ANONYMOUS: its trace; OAUTHBEARER: the local part of
 * its authorisation identity), the authorisation identity as sent ("" if none), the bearer token; "" before they are
 * known.
 */
IMP_EXTERN const char *imp_sasl_username(const imp_sasl *sasl);
IMP_EXTERN const char *imp_sasl_authzid(const imp_sasl *sasl);
IMP_EXTERN const char *imp_sasl_token(const imp_sasl *sasl);
/** After a failure: "not-authorized", "malformed-request", "invalid-authzid", … (RFC 6120 §6.5). `text` may be NULL. */
IMP_EXTERN const char *imp_sasl_condition(const imp_sasl *sasl, const char **text);
/** Non-zero if the failure was one of negotiation (a channel binding that we lack) or of ours (no memory), not a wrong
 *  secret: it is not counted as a failed credential. */
IMP_EXTERN int imp_sasl_failure_is_negotiation(const imp_sasl *sasl);

/**
 * Derives SCRAM keys from a password (SASLprep'd inside), for hosts that store them. `salt` NULL: 16 random bytes.
 * imp_scram_keys_get() shows hash, iterations, salt and both keys (never the password), in memory that
 * imp_scram_keys_del() wipes and frees.
 * Returns IMP_ERR_UNSUPPORTED (hash), IMP_ERR_RANGE (iterations, salt length), IMP_ERR_INVALID_ARGUMENT (a password that
 * is empty or that SASLprep forbids), IMP_ERR_UNAVAILABLE (no randomness), IMP_ERR_NOMEM.
 */
typedef struct imp_scram_keys imp_scram_keys;
IMP_EXTERN int imp_scram_keys_new(imp_scram_keys **keys, const char *hash, const char *password, const void *salt,
                                  size_t saltlen, uint32_t iterations);
IMP_EXTERN const imp_credential *imp_scram_keys_get(const imp_scram_keys *keys);
IMP_EXTERN void imp_scram_keys_del(imp_scram_keys *keys);

#ifdef __cplusplus
}
#endif

#endif /* IMP_SASL_H */
