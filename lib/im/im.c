#include "im/im.h"

#include "im/internal.h"

imp_im_session *imp_im_session_of(imp_session *s) {
  imp_im_session *is = s->slot[IMP_SLOT_IM];
  if (is == NULL && (is = imp_calloc(1, sizeof(*is))) != NULL) {
    imp_list_init(&is->held);
    s->slot[IMP_SLOT_IM] = is;
  }
  return is;
}

void imp_im_wait_begin(imp_im *im, imp_im_wait *wait, const imp_stanza *st) {
  wait->stanza = st != NULL ? imp_stanza_ref(st) : NULL;
  imp_list_append(&im->waits, &wait->link);
}

void imp_im_wait_end(imp_im_wait *wait) {
  imp_list_remove(&wait->link);
  imp_stanza_del(wait->stanza);
  imp_free(wait);
}

static void stop(imp_node *node) {
  imp_im *im = imp_im_of(node);
  if (im != NULL) {
    while (!imp_list_empty(&im->waits)) {
      imp_im_wait_end(IMP_CONTAINER_OF(im->waits.next, imp_im_wait, link));
    }
    imp_box_free_all(im);
    imp_free(im);
    node->feature[IMP_FEATURE_IM] = NULL;
  }
}

static int start(imp_node *node) {
  int (*const parts[])(imp_node *) = {imp_im_start_presence, imp_im_start_messages, imp_im_start_carbons,
                                      imp_im_start_offline,  imp_im_start_evicted,  imp_im_start_csi};
  imp_im *im = imp_calloc(1, sizeof(*im));
  size_t i;
  int rv = IMP_OK;
  if (im == NULL) {
    return IMP_ERR_NOMEM;
  }
  im->node = node;
  imp_map_init(&im->boxes);
  imp_list_init(&im->dirty);
  imp_list_init(&im->waits);
  node->feature[IMP_FEATURE_IM] = im;
  for (i = 0; rv == IMP_OK && i < IMP_ARRAY_LEN(parts); i++) {
    rv = parts[i](node);
  }
  return rv;
}

const imp_feature imp_feature_im = {.name = "im", .start = start, .stop = stop};
