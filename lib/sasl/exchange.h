/*
 * SASL on an XML stream: elements in, text out.  One object for a stream that is not authenticated yet, whatever
 * number of attempts it takes; deleted when the stream is authenticated or gone.
 *
 * Both profiles: RFC 6120 §6 (<auth/>, SASL1) and XEP-0388 (<authenticate/>, SASL2) with FAST (XEP-0484).  Replies are
 * appended to `out` as complete elements that declare their own namespace, right for TCP and WebSocket framing alike.
 *
 * How a stream drives it:
 *
 *   r = imp_sasl_exchange_recv(ex, st, out);      for every element that imp_sasl_exchange_wants()
 *   NEED_CREDENTIAL: look up imp_sasl_exchange_user() for imp_sasl_exchange_hash(); later
 *                    r = imp_sasl_exchange_credential(ex, credential or NULL, out);
 *   NEED_HOST:       ask the host according to imp_sasl_exchange_mechanism() (EXTERNAL, ANONYMOUS, OAUTHBEARER) or
 *                    load the FAST record (HT-*, see fast.h); later r = imp_sasl_exchange_decide(ex, who, …, out);
 *   CONTINUE:        send `out`, wait for the client;
 *   SUCCESS:         nothing was written yet: bind or resume inline (SASL2), then imp_sasl_exchange_success(), send,
 *                    delete; or refuse with imp_sasl_exchange_fail();
 *   FAILURE:         send `out` (a <failure/>); the client may try again; count it if imp_sasl_exchange_counted();
 *   CLOSE:           as FAILURE, and it was one too many: end the stream with policy-violation;
 *   below 0:         an imp_error (no memory): end the stream with internal-server-error.
 *
 * While a lookup is under way the caller should hold elements back.  If it does not, any element ends the attempt
 * (aborted or malformed-request), and the caller forgets the lookup: no answer is accepted afterwards.
 */
#ifndef IMP_SASL_EXCHANGE_H
#define IMP_SASL_EXCHANGE_H

#include <imp/sasl.h>
#include <imp/xml.h>

#include "core/buf.h"
#include "xml/ns.h"

/* Every SCRAM, every -PLUS, every HT-*: masks to build an offer from. */
#define IMP_SASL_ALL_SCRAM (IMP_SASL_SCRAM_SHA_1 | IMP_SASL_SCRAM_SHA_256 | IMP_SASL_SCRAM_SHA_512)
#define IMP_SASL_ALL_PLUS (IMP_SASL_SCRAM_SHA_1_PLUS | IMP_SASL_SCRAM_SHA_256_PLUS | IMP_SASL_SCRAM_SHA_512_PLUS)
#define IMP_SASL_ALL_HT                                                                            \
  (IMP_SASL_HT_SHA_256_NONE | IMP_SASL_HT_SHA_256_UNIQ | IMP_SASL_HT_SHA_256_ENDP | IMP_SASL_HT_SHA_256_EXPR)

/* ---- the offer ---- */

/* What of `allowed` can be offered on a stream with this binding (NULL: not encrypted): without TLS no PLAIN, EXTERNAL,
   OAUTHBEARER or HT-*; without binding data no -PLUS; each HT-* with its own binding. */
uint32_t imp_sasl_offerable(uint32_t allowed, const imp_channel_binding *binding);
/* Appends <mechanisms/> (SASL1), strongest first. HT-* are left out: they are for SASL2. Nothing if there are none. */
int imp_sasl_write_mechanisms(imp_buf *out, uint32_t mechanisms);
/* Appends <authentication/> (SASL2). `fast`: HT-* bits that go into its inline <fast/>. `inlined`: text of further
   inline features (<bind/>, <sm/>), may be NULL. Nothing if there is no mechanism. */
int imp_sasl_write_authentication(imp_buf *out, uint32_t mechanisms, uint32_t fast, const char *inlined,
                                  size_t inlinedlen);
/* Appends <sasl-channel-binding/> (XEP-0440). Nothing if there is no binding. */
int imp_sasl_write_channel_bindings(imp_buf *out, const imp_channel_binding *binding);

/* ---- the exchange ---- */

typedef enum imp_exchange_result {
  IMP_EXCHANGE_CONTINUE = 0,
  IMP_EXCHANGE_NEED_CREDENTIAL,
  IMP_EXCHANGE_NEED_HOST,
  IMP_EXCHANGE_SUCCESS,
  IMP_EXCHANGE_FAILURE,
  IMP_EXCHANGE_CLOSE
} imp_exchange_result;

typedef struct imp_sasl_exchange_config {
  imp_sasl_params params;  /* copied; what it points at must outlive the exchange. plus_offered is set by us */
  uint32_t sasl1;          /* mechanisms offered in <mechanisms/> */
  uint32_t sasl2;          /* … in <authentication/>; 0: SASL2 is not offered */
  uint32_t fast;           /* HT-* offered in <fast/> */
  const char *domain;      /* a user name becomes the JID name@domain */
  const imp_jid *from;     /* the stream's `from` (may be NULL): SASL2 demands that it is the user's */
  uint32_t max_failures;   /* counted failures until CLOSE, 1 … 100; 0: the default, 5 */
  uint32_t max_attempts;   /* attempts of any outcome until CLOSE, 1 … 1000; 0: the default, 20 */
} imp_sasl_exchange_config;

typedef struct imp_sasl_exchange imp_sasl_exchange;

/* IMP_ERR_NOMEM, IMP_ERR_RANGE, IMP_ERR_INVALID_ARGUMENT (no domain). */
int imp_sasl_exchange_new(imp_sasl_exchange **ex, const imp_sasl_exchange_config *config);
/* Wipes and frees. NULL is allowed. */
void imp_sasl_exchange_del(imp_sasl_exchange *ex);

/* Non-zero if an element is one of SASL's (either namespace), so goes to imp_sasl_exchange_recv(). */
int imp_sasl_exchange_wants(const imp_elem *root);
/* An element of the client's. The stanza is referenced while the attempt lasts. */
int imp_sasl_exchange_recv(imp_sasl_exchange *ex, imp_stanza *st, imp_buf *out);
/* Answers NEED_CREDENTIAL. NULL: there is no such user, or no key of the hash. IMP_ERR_STATE if nothing was asked. */
int imp_sasl_exchange_credential(imp_sasl_exchange *ex, const imp_credential *credential, imp_buf *out);
/* Answers NEED_HOST: `who` is let in (bare; NULL: refused). HT-*: `token` is the secret that matched, NULL refuses. */
int imp_sasl_exchange_decide(imp_sasl_exchange *ex, imp_jid *who, const void *token, size_t tokenlen, imp_buf *out);
/* Ends an attempt that is under way or has succeeded, with <failure/>: a lookup that failed ("temporary-auth-failure"),
   an account that is shut ("account-disabled"), too many attempts ("temporary-auth-failure"), an expired token
   ("credentials-expired"). `text` may be NULL. Returns FAILURE, CLOSE or an error. */
int imp_sasl_exchange_fail(imp_sasl_exchange *ex, const char *condition, const char *text, int counted, imp_buf *out);
/* After SUCCESS: appends <success/>. SASL2: `who` is the authorization identifier (full once bound; NULL: the bare user), and
   `inlined` the text of the inline features' results (<bound/>, <resumed/>, <token/>); SASL1 ignores both. */
int imp_sasl_exchange_success(imp_sasl_exchange *ex, const imp_jid *who, const char *inlined, size_t inlinedlen,
                              imp_buf *out);
/* After SUCCESS in SASL2, for a host that wants more: appends <continue/> naming `tasks` instead of <success/>. The
   caller deals with <next/> and <task-data/>, then calls imp_sasl_exchange_success(). */
int imp_sasl_exchange_continue(imp_sasl_exchange *ex, const char *const *tasks, size_t ntasks, const char *text,
                               imp_buf *out);

/* What unknown users have to look like from the next attempt on: clear_passwords and fake_hash as in imp_sasl_params. */
void imp_sasl_exchange_resemble(imp_sasl_exchange *ex, uint32_t clear_passwords, const char *fake_hash);

/* ---- what is known of the attempt (all borrowed, until the next attempt) ---- */

/* The mechanism's bit, 0 before the first attempt. */
uint32_t imp_sasl_exchange_mechanism(const imp_sasl_exchange *ex);
/* Non-zero if this attempt is in SASL2. */
int imp_sasl_exchange_is_sasl2(const imp_sasl_exchange *ex);
/* The bare JID that the client claims to be (NEED_CREDENTIAL, HT-*), then who it is (SUCCESS), or whom it failed to be;
   NULL before, and for a name that can be no address. */
imp_jid *imp_sasl_exchange_user(const imp_sasl_exchange *ex);
/* The mechanism itself: imp_sasl_hash(), imp_sasl_authzid(), imp_sasl_token(), imp_sasl_token_matches(). */
const imp_sasl *imp_sasl_exchange_sasl(const imp_sasl_exchange *ex);
const char *imp_sasl_exchange_hash(const imp_sasl_exchange *ex);
/* Non-zero if the last failure was that of a secret or a refusal, which counts as a failed credential. */
int imp_sasl_exchange_counted(const imp_sasl_exchange *ex);
/* The condition of the last failure, for the log; "" if none. */
const char *imp_sasl_exchange_condition(const imp_sasl_exchange *ex);

/* SASL2: the <authenticate/> element, NULL in SASL1; and a child of it (<bind/>, <resume/>, <request-token/>). */
const imp_elem *imp_sasl_exchange_request(const imp_sasl_exchange *ex);
const imp_elem *imp_sasl_exchange_inline(const imp_sasl_exchange *ex, const char *name, const char *ns);

/* SASL2's <user-agent/>; every member is NULL if absent. An id that is no UUID counts as absent. */
typedef struct imp_user_agent {
  const char *id;
  const char *software;
  const char *device;
} imp_user_agent;
void imp_sasl_exchange_user_agent(const imp_sasl_exchange *ex, imp_user_agent *agent);

/* <fast/> and <request-token/>. */
typedef struct imp_fast_request {
  int present;        /* there is a <fast/> */
  int has_count;
  uint64_t count;
  int invalidate;     /* the client wants the token that it uses to end */
  uint32_t requested; /* the HT-* bit of <request-token/>, if it was offered; else 0 */
} imp_fast_request;
void imp_sasl_exchange_fast(const imp_sasl_exchange *ex, imp_fast_request *fast);

#endif
