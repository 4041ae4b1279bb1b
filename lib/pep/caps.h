/*
 * Which nodes a client wants to be told of: the features "…+notify" in its disco#info (XEP-0163 §5), found through entity
 * capabilities (XEP-0115), so that of clients of one kind and version only a few are asked.
 */
#ifndef IMP_PEP_CAPS_H
#define IMP_PEP_CAPS_H

#include "pep/internal.h"

#define IMP_CAPS_WORDS_MAX 8192 /* bytes of names that are remembered of one kind */

typedef struct imp_caps {
  imp_map_node by_ver;
  imp_list lru;      /* linked while no session has it */
  imp_list sessions; /* that wait for the answer */
  imp_words nodes;   /* without "+notify" */
  uint32_t refs;
  uint8_t known;
  uint8_t own;       /* of one session alone: what it says is not what its hash says */
  uint8_t asked;     /* how many sessions are being asked */
  char id[24];       /* of these questions */
  const char *hash;  /* in `key`: its algorithm, behind it the hash itself */
  const char *ver;
  char key[];
} imp_caps;

/* Whether the session is available and its client wants to be told of the node. */
int imp_caps_wants(const imp_session *s, const char *node);
imp_caps *imp_caps_of(const imp_session *s);
int imp_pep_start_caps(imp_node *node);
void imp_pep_stop_caps(imp_pep *pep);

/* The hash of a disco#info answer (XEP-0115 §5.1), in base64; `ver` holds 96 bytes. IMP_ERR_UNSUPPORTED: no such
   algorithm; IMP_ERR_MALFORMED: ill-formed by §5.4. */
int imp_caps_hash(const imp_elem *query, const char *algorithm, char *ver);

#endif
