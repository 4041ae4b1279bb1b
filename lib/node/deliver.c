#include "node/fates.h"
#include "node/node.h"

static void write_packet(imp_session *s, const imp_packet *packet) {
  if (s->conn != NULL && !imp_conn_is_ended(s->conn)) {
    s->node->stats.stanzas_out++;
    (void)imp_conn_submit_packet(s->conn, packet); /* a peer that reads too slowly is ended there, and may resume */
  }
}

void imp_session_replay(imp_session *s, imp_packet *packet) { write_packet(s, packet); }

static int deliver_counted(imp_session *s, imp_packet *packet) {
  int rv = imp_sm_sent(s->sm, packet, imp_packet_memory(packet));
  if (rv < 0) {
    imp_node_undelivered(s, packet);
    return rv;
  }
  imp_durable_sent(s, packet);
  write_packet(s, packet);
  imp_acks_sent(s, rv == IMP_SM_WANT_R);
  return IMP_OK;
}

static int deliver_plain(imp_session *s, imp_packet *packet) {
  int rv;
  if (s->conn == NULL || imp_conn_is_ended(s->conn)) {
    imp_node_undelivered(s, packet);
    return IMP_ERR_CLOSED;
  }
  rv = imp_conn_submit_packet(s->conn, packet);
  if (rv < 0) {
    imp_node_undelivered(s, packet);
    return rv;
  }
  s->node->stats.stanzas_out++;
  imp_node_handed_over(s->node, s, packet);
  return IMP_OK;
}

int imp_session_push(imp_session *s, imp_packet *packet) {
  imp_node_account(s->node, packet);
  if (s->ending) {
    imp_node_undelivered(s, packet);
    return IMP_ERR_CLOSED;
  }
  return s->sm != NULL ? deliver_counted(s, packet) : deliver_plain(s, packet);
}

int imp_session_deliver(imp_session *s, imp_packet *packet) {
  if (s->inactive && !s->ending) {
    imp_event event = {.session = s, .packet = packet};
    imp_node_account(s->node, packet);
    if (imp_node_run_hooks(s->node, IMP_POINT_SESSION_HOLD, &event) == IMP_HANDLED) {
      return IMP_OK;
    }
  }
  return imp_session_push(s, packet);
}

int imp_session_send(imp_session *s, imp_stanza *st) {
  imp_packet *packet;
  int rv = imp_packet_new(&packet, st, NULL);
  return rv < 0 ? rv : imp_session_deliver(s, packet);
}
