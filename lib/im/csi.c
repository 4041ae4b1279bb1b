/*
 * Client state indication (XEP-0352): to an inactive client, presence and mere chat states wait, until something worth
 * waking it for comes, the client is active again, or too many wait.
 *
 * The state is the session's and outlives its link, as all that a session is: XEP-0352 §5 would have a resumed stream begin
 * active. What was held back stays held, and comes when the client says <active/>.
 */
#include "im/internal.h"

#define HELD_MAX 64

static int can_wait(const imp_packet *packet) {
  uint32_t traits;
  if (packet->kind == IMP_STANZA_PRESENCE) {
    return packet->type == IMP_TYPE_NONE || packet->type == IMP_TYPE_UNAVAILABLE;
  }
  if (packet->kind != IMP_STANZA_MESSAGE) {
    return 0;
  }
  traits = imp_stanza_traits(packet->stanza);
  return (traits & IMP_TRAIT_CHATSTATE) &&
         !(traits & (IMP_TRAIT_BODY | IMP_TRAIT_OTHER | IMP_TRAIT_RECEIPT | IMP_TRAIT_MARKER | IMP_TRAIT_SUBJECT));
}

static void flush(imp_session *s, imp_im_session *is) {
  imp_list *l;
  while ((l = imp_list_pop(&is->held)) != NULL) {
    is->nheld--;
    (void)imp_session_push(s, IMP_CONTAINER_OF(l, imp_packet, link));
  }
}

/* Of one sender's presence only the newest matters. */
static void forget_older(imp_im_session *is, const imp_packet *packet) {
  imp_list *l, *next;
  for (l = is->held.next; l != &is->held; l = next) {
    imp_packet *old = IMP_CONTAINER_OF(l, imp_packet, link);
    next = l->next;
    if (packet->kind == IMP_STANZA_PRESENCE && old->kind == IMP_STANZA_PRESENCE && packet->stanza->from != NULL &&
        old->stanza->from != NULL && imp_jid_equal(packet->stanza->from, old->stanza->from)) {
      imp_list_remove(l);
      is->nheld--;
      imp_packet_del(old);
    }
  }
}

static imp_verdict on_packet(imp_event *event, void *ctx) {
  imp_session *s = event->session;
  imp_packet *packet = event->packet;
  imp_im_session *is = imp_im_session_of(s);
  (void)ctx;
  if (is == NULL) {
    return IMP_CONTINUE;
  }
  if (!can_wait(packet) || packet->refs > 1) {
    flush(s, is);
    return IMP_CONTINUE;
  }
  forget_older(is, packet);
  imp_list_append(&is->held, &packet->link);
  if (++is->nheld > HELD_MAX) {
    flush(s, is);
  }
  return IMP_HANDLED;
}

static imp_verdict on_change(imp_event *event, void *ctx) {
  imp_im_session *is = event->session->slot[IMP_SLOT_IM];
  (void)ctx;
  if (is != NULL && !event->session->inactive) {
    flush(event->session, is);
  }
  return IMP_CONTINUE;
}

static imp_verdict on_ended(imp_event *event, void *ctx) {
  imp_im_session *is = event->session->slot[IMP_SLOT_IM];
  imp_list *l;
  (void)ctx;
  while (is != NULL && (l = imp_list_pop(&is->held)) != NULL) {
    imp_packet *packet = IMP_CONTAINER_OF(l, imp_packet, link);
    if (packet->kind == IMP_STANZA_MESSAGE) {
      imp_node_drop(event->node, packet, IMP_DROP_CHAT_STATE);
    } else {
      imp_packet_del(packet);
    }
  }
  imp_free(is);
  event->session->slot[IMP_SLOT_IM] = NULL;
  return IMP_CONTINUE;
}

int imp_im_start_csi(imp_node *node) {
  int rv = imp_node_hook(node, IMP_POINT_SESSION_HOLD, 0, on_packet, NULL);
  if (rv == IMP_OK) {
    rv = imp_node_hook(node, IMP_POINT_SESSION_CSI, 0, on_change, NULL);
  }
  return rv < 0 ? rv : imp_node_hook(node, IMP_POINT_SESSION_ENDED, 100, on_ended, NULL);
}
