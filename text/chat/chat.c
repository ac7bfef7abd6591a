/* SPDX-License-Identifier: MIT
 *
 * Chats: what a template can take is found by rendering small conversations with words in them
 * that no template contains, and looking for the words; messages are then adapted to it. */
#include "text/chat/model.h"
#include "text/chat/toolcall_write.h"
#include "text/template/run.h"

typedef enum chat_tell {
    TELL_SYSTEM,
    TELL_TO_PARTS,
    TELL_TO_TEXT,
    TELL_NULL,
    TELL_TO_OBJECT,
    TELL_TO_ARGUMENT_TEXT,
    TELL_NO_TOOLS,
    TELL_TOOLS_NAME,
    TELL_REASONING,
    TELL_NO_SWITCH,
    TELL_CALLS_AS_TEXT,
    TELL_COUNT,
} chat_tell;

static const char *const tell_text[] = {
    [TELL_SYSTEM] = "takes no system message; it is put in front of the first user message",
    [TELL_TO_PARTS] = "takes content only as a list of parts; text is given as one part",
    [TELL_TO_TEXT] = "takes content only as text; parts are joined",
    [TELL_NULL] = "takes no null content; it is given as empty text",
    [TELL_TO_OBJECT] = "takes arguments of tool calls only as objects; JSON text is parsed",
    [TELL_TO_ARGUMENT_TEXT] = "takes arguments of tool calls only as text; objects become JSON",
    [TELL_NO_TOOLS] = "does not show tools; the model will not know of them",
    [TELL_TOOLS_NAME] = "takes tools under another name",
    [TELL_REASONING] = "takes reasoning_content under another name",
    [TELL_NO_SWITCH] = "has no switch for reasoning; the model may reason all the same",
    [TELL_CALLS_AS_TEXT] = "does not show tool calls; they become text as the model writes it",
};

struct og_chat {
    og_ctx *ctx;
    og_template *t;
    char *name, *bos, *eos;
    og_chat_abilities can;
    const ogi_toolcall_format *calls;
    bool is_listed; /* calls is told from how tools are listed: calls are not shown */
    const ogi_reasoning *reasoning;
    const char *tools_key;     /* of the context */
    const char *reasoning_key; /* of a message; NULL: reasoning_content, or not shown at all */
    bool told[TELL_COUNT];
};

/* ---- probing ---- */

/* Of one probe: real templates take a few thousand; a dozen hostile probes stay below a second. */
enum { PROBE_STEPS = 500000 };

#define PROBE(messages)                                                                            \
    "{\"bos_token\":\"\",\"eos_token\":\"\",\"add_generation_prompt\":true,\"messages\":"          \
    "[" messages "]" /* more keys and } follow */
#define USER "{\"role\":\"user\",\"content\":\"ogask\"}"
#define TOOLS_AS(key)                                                                              \
    ",\"" key                                                                                      \
    "\":[{\"type\":\"function\",\"function\":{\"name\":\"ogtool\",\"description\":\"d\","          \
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"ogarg\":{\"type\":\"string\","          \
    "\"description\":\"d\"}},\"required\":[\"ogarg\"]}}}]"
#define TOOLS TOOLS_AS("tools")
#define CALL(content, arguments)                                                                   \
    PROBE(USER ",{\"role\":\"assistant\",\"content\":" content                                     \
               ",\"tool_calls\":[{\"id\":\"ogcall001\",\"type\":\"function\",\"function\":"        \
               "{\"name\":\"ogtool\",\"arguments\":" arguments "}}]},"                             \
               "{\"role\":\"tool\",\"name\":\"ogtool\",\"tool_call_id\":\"ogcall001\","            \
               "\"content\":\"1\"}")                                                               \
    TOOLS "}"

/* The text of a rendering; "" if it fails. Errors stay here. */
static og_status probe(og_ctx *ctx, const og_template *t, const char *context,
                       og_template_text *out)
{
    tmpl_run r;
    size_t n = strlen(context);
    ogi_template_open(ctx, t, &(og_template_options){ .max_steps = PROBE_STEPS }, n, &r);
    tmpl_val v = ogi_tv_json_parse(&r.h, "probe", (ogi_sv){ context, n });
    if (!ogi_tv_failed(&r.h))
        ogi_template_trust_roles(&r, *ogi_tv_get_sv(&r.h, v.u.m, OGI_SV("messages")));
    ogi_template_exec(ctx, t, &r, v, ogi_template_output_limit(NULL, n), out);
    og_status status = ogi_template_close(ctx, &r, false);
    return status == OG_E_MEMORY ? status : OG_OK;
}

/* Does the rendering of context contain `word`, and none of `not1` and `not2`? */
static og_status shows(og_ctx *ctx, const og_template *t, const char *context, const char *word,
                       const char *not1, const char *not2, bool *yes)
{
    og_template_text text;
    *yes = false;
    OG_TRY(probe(ctx, t, context, &text));
    if (text.text)
        *yes = strstr(text.text, word) && !(not1 && strstr(text.text, not1)) &&
               !(not2 && strstr(text.text, not2));
    og_template_text_free(ctx, &text);
    return OG_OK;
}

/* The names that templates have for tools. */
static const struct {
    const char *key, *context;
} tool_names[] = {
    { "tools", PROBE(USER) TOOLS "}" },
    { "xml_tools", PROBE(USER) TOOLS_AS("xml_tools") "}" },
    { "python_tools", PROBE(USER) TOOLS_AS("python_tools") "}" },
};

/* Under which of its names the template shows tools: the first if under none. */
static og_status probe_tools(og_ctx *ctx, const og_template *t, bool *yes, int *name)
{
    *yes = false, *name = 0;
    for (int i = 0; i < OGI_LEN(tool_names) && !*yes; i++) {
        OG_TRY(shows(ctx, t, tool_names[i].context, "ogtool", NULL, NULL, yes));
        if (*yes) *name = i;
    }
    return OG_OK;
}

#define OBJECT "{\"ogarg\":\"ogval\"}"
#define TEXT   "\"{\\\"ogarg\\\":\\\"ogval\\\"}\""

/* How calls are written: from the first rendering of one that shows it. */
static og_status probe_format(og_ctx *ctx, const og_template *t, const ogi_toolcall_format **out)
{
    static const char *const contexts[] = { CALL("\"\"", OBJECT), CALL("\"\"", TEXT),
                                            CALL("null", OBJECT), CALL("null", TEXT) };
    *out = NULL;
    for (int i = 0; i < OGI_LEN(contexts) && !*out; i++) {
        og_template_text text;
        OG_TRY(probe(ctx, t, contexts[i], &text));
        const char *said = text.text ? strstr(text.text, "ogask") : NULL;
        if (said) *out = ogi_toolcall_detect(ogi_sv_of(said), OGI_SV("ogtool"));
        og_template_text_free(ctx, &text);
    }
    return OG_OK;
}

/* The same from a rendering of tools, where calls are not shown. */
static og_status probe_listing(og_ctx *ctx, const og_template *t, const char *context,
                               const ogi_toolcall_format **out)
{
    og_template_text text;
    OG_TRY(probe(ctx, t, context, &text));
    if (text.text) *out = ogi_toolcall_detect_listing((ogi_sv){ text.text, text.size });
    og_template_text_free(ctx, &text);
    return OG_OK;
}

/* The names that templates have for the reasoning in a message. */
static og_status probe_reasoning_key(og_ctx *ctx, const og_template *t, const char **out)
{
#define THOUGHT(key)                                                                               \
    PROBE(USER ",{\"role\":\"assistant\",\"content\":\"\",\"" key "\":\"ogthought\","              \
               "\"tool_calls\":[{\"id\":\"ogcall001\",\"type\":\"function\",\"function\":"         \
               "{\"name\":\"ogtool\",\"arguments\":{}}}]},{\"role\":\"tool\",\"name\":\"ogtool\"," \
               "\"tool_call_id\":\"ogcall001\",\"content\":\"1\"}")                                \
    TOOLS "}"
    static const struct {
        const char *key, *context;
    } names[] = {
        { NULL, THOUGHT("reasoning_content") }, { "thinking", THOUGHT("thinking") },
        { "reasoning", THOUGHT("reasoning") },  { "thought", THOUGHT("thought") },
        { "tool_plan", THOUGHT("tool_plan") },
    };
#undef THOUGHT
    bool yes = false;
    *out = NULL;
    for (int i = 0; i < OGI_LEN(names) && !yes; i++) {
        OG_TRY(shows(ctx, t, names[i].context, "ogthought", NULL, NULL, &yes));
        if (yes) *out = names[i].key;
    }
    return OG_OK;
}

#define THINK_ON "\"enable_thinking\":true,\"thinking\":true,\"reasoning\":true"
#define THINK_OFF                                                                                  \
    "\"enable_thinking\":false,\"thinking\":false,\"reasoning\":false,\"thinking_budget\":0"

/* Whether turning reasoning off changes anything. */
static og_status probe_switch(og_ctx *ctx, const og_template *t, bool *yes)
{
    og_template_text on, off;
    *yes = false;
    OG_TRY(probe(ctx, t, PROBE(USER) "," THINK_ON "}", &on));
    og_status status = probe(ctx, t, PROBE(USER) "," THINK_OFF "}", &off);
    if (status == OG_OK && on.text && off.text) *yes = strcmp(on.text, off.text) != 0;
    og_template_text_free(ctx, &on);
    if (status == OG_OK) og_template_text_free(ctx, &off);
    return status;
}

static og_status probe_all(og_ctx *ctx, const og_template *t, og_chat_abilities *can)
{
    OG_TRY(shows(ctx, t, PROBE("{\"role\":\"system\",\"content\":\"ogsys\"}," USER) "}", "ogsys",
                 NULL, NULL, &can->system_role));
    OG_TRY(shows(ctx, t, PROBE(USER) "}", "ogask", NULL, NULL, &can->text_content));
    /* a printed list shows its quotes */
    OG_TRY(
        shows(ctx, t,
              PROBE("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"ogask\"}]}") "}",
              "ogask", "'ogask'", "\"ogask\"", &can->part_content));
    /* a Python dict shows single quotes, text that was written as JSON once more backslashes */
    OG_TRY(shows(ctx, t, CALL("\"\"", OBJECT), "ogval", "'ogval'", NULL, &can->object_arguments));
    OG_TRY(shows(ctx, t, CALL("\"\"", TEXT), "ogval", "\\\"ogval", NULL, &can->text_arguments));
    can->tool_calls = can->object_arguments || can->text_arguments;
    const char *null_call = can->object_arguments ? CALL("null", OBJECT) : CALL("null", TEXT);
    return shows(ctx, t, null_call, "ogval", "None", NULL, &can->null_content);
}

/* How tools are shown, and calls of them. */
static og_status probe_calls(og_chat *chat)
{
    int name;
    OG_TRY(probe_tools(chat->ctx, chat->t, &chat->can.tools, &name));
    chat->tools_key = tool_names[name].key;
    OG_TRY(probe_format(chat->ctx, chat->t, &chat->calls));
    if (chat->calls) return OG_OK;
    OG_TRY(probe_listing(chat->ctx, chat->t, tool_names[name].context, &chat->calls));
    chat->is_listed = chat->calls && !chat->can.tool_calls;
    return OG_OK;
}

og_status og_chat_new(og_ctx *ctx, og_template *t, const og_chat_options *opt, og_chat **out)
{
    OGI_NEEDS(ctx, ctx && t && out);
    *out = NULL;
    const char *name = opt && opt->name ? opt->name : "chat template";
    const char *bos = opt && opt->bos_token ? opt->bos_token : "";
    const char *eos = opt && opt->eos_token ? opt->eos_token : "";
    og_chat *chat = OGI_NEW(ctx, og_chat);
    if (!chat) {
        og_template_free(t);
        return OG_E_MEMORY;
    }
    *chat = (og_chat){ .ctx = ctx, .t = t };
    chat->reasoning = ogi_reasoning_detect((ogi_sv){ t->h.source, t->h.source_size });
    chat->can.reasoning = chat->reasoning != NULL;
    chat->name = ogi_strndup(ctx, name, strlen(name));
    chat->bos = ogi_strndup(ctx, bos, strlen(bos));
    chat->eos = ogi_strndup(ctx, eos, strlen(eos));
    og_status status =
        chat->name && chat->bos && chat->eos ? probe_all(ctx, t, &chat->can) : OG_E_MEMORY;
    if (status == OG_OK) status = probe_calls(chat);
    if (status == OG_OK && chat->reasoning)
        status = probe_reasoning_key(ctx, t, &chat->reasoning_key);
    if (status == OG_OK) status = probe_switch(ctx, t, &chat->can.think_switch);
    if (chat->reasoning && chat->reasoning->off) chat->can.think_switch = true;
    if (status != OG_OK) {
        og_chat_free(chat);
        return status;
    }
    *out = chat;
    return OG_OK;
}

void og_chat_free(og_chat *chat)
{
    if (!chat) return;
    og_ctx *ctx = chat->ctx;
    og_template_free(chat->t);
    ogi_free(ctx, chat->name);
    ogi_free(ctx, chat->bos);
    ogi_free(ctx, chat->eos);
    ogi_free(ctx, chat);
}

const og_chat_abilities *og_chat_abilities_of(const og_chat *chat)
{
    if (!chat) return NULL;
    return &chat->can;
}

const ogi_toolcall_format *ogi_chat_toolcalls(const og_chat *chat)
{
    return chat->calls;
}

const ogi_reasoning *ogi_chat_reasoning(const og_chat *chat)
{
    return chat->reasoning;
}

/* ---- adapting ---- */

typedef struct adapter {
    og_ctx *ctx;
    og_chat *chat;
    tmpl_heap *h;
} adapter;

static void tell(adapter *a, chat_tell what)
{
    if (a->chat->told[what]) return;
    a->chat->told[what] = true;
    ogi_log(a->ctx, OG_LOG_WARN, "%s %s", a->chat->name, tell_text[what]);
}

static void set_field(adapter *a, tmpl_val m, const char *name, tmpl_val v)
{
    if (!ogi_tv_failed(a->h)) ogi_tv_put_sv(a->h, m.u.m, ogi_sv_of(name), v);
}

/* The text of a content; parts of other types than text cannot be joined. */
static tmpl_val joined(adapter *a, tmpl_val content, int64_t message)
{
    tmpl_sb b = { .h = a->h };
    if (content.tag != TV_LIST) return ogi_tv_to_str(a->h, content);
    for (int64_t i = 0; i < content.u.l->n && ogi_tv_step(a->h, 1); i++) {
        tmpl_val part = content.u.l->v[i], text = ogi_tv_field(a->h, part, "text");
        if (part.tag == TV_STR) text = part;
        if (text.tag != TV_STR) {
            ogi_tv_fail_plain(a->h, OG_E_UNSUPPORTED,
                              "messages[%lld].content[%lld]: the template takes only text",
                              (long long)message, (long long)i);
            return ogi_tv_undef();
        }
        ogi_tv_sb_str(&b, text.u.s);
    }
    tmpl_val v = ogi_tv_sb_done(&b);
    if (v.tag == TV_STR && v.u.s->n == 0) v.u.s->trusted = false;
    return v;
}

static tmpl_val one_part(adapter *a, tmpl_val text)
{
    tmpl_val list = ogi_tv_list(a->h, TV_LIST, 1), part = ogi_tv_dict(a->h);
    list.trusted = part.trusted = false;
    if (part.tag != TV_DICT) return part;
    ogi_tv_put_sv(a->h, part.u.m, OGI_SV("type"), ogi_tv_str(a->h, OGI_SV("text"), false));
    ogi_tv_put_sv(a->h, part.u.m, OGI_SV("text"), text);
    ogi_tv_push(a->h, list, part);
    return list;
}

static void adapt_content(adapter *a, tmpl_val m, int64_t i)
{
    const og_chat_abilities *can = &a->chat->can;
    tmpl_val content = ogi_tv_field(a->h, m, "content");
    bool has_calls = ogi_tv_truth(a->h, ogi_tv_field(a->h, m, "tool_calls"));
    if ((content.tag == TV_NONE || content.tag == TV_UNDEF) && has_calls && !can->null_content) {
        if (content.tag == TV_NONE) tell(a, TELL_NULL);
        set_field(a, m, "content", ogi_tv_str(a->h, OGI_SV(""), false));
    } else if (content.tag == TV_LIST && !can->part_content && can->text_content) {
        tell(a, TELL_TO_TEXT);
        set_field(a, m, "content", joined(a, content, i));
    } else if (content.tag == TV_STR && !can->text_content && can->part_content) {
        tell(a, TELL_TO_PARTS);
        set_field(a, m, "content", one_part(a, content));
    }
}

/* JSON text to an object; other text stays as it is. */
static tmpl_val parsed_arguments(adapter *a, tmpl_val text)
{
    tmpl_heap *h = a->h;
    if (text.u.s->n == 0) return ogi_tv_dict(h);
    tmpl_val v = ogi_tv_json_parse(h, "arguments", ogi_tv_sv(text));
    if (h->status == OG_E_FORMAT) {
        h->status = OG_OK; /* not JSON: the template gets what there is */
        return text;
    }
    return v.tag == TV_DICT ? v : text;
}

static void adapt_calls(adapter *a, tmpl_val m)
{
    static const tmpl_json_style style = { .item_sep = { ", ", 2 }, .key_sep = { ": ", 2 } };
    const og_chat_abilities *can = &a->chat->can;
    tmpl_val calls = ogi_tv_field(a->h, m, "tool_calls");
    if (a->chat->is_listed && calls.tag == TV_LIST && calls.u.l->n) {
        tell(a, TELL_CALLS_AS_TEXT);
        tmpl_val content = ogi_tv_field(a->h, m, "content");
        set_field(a, m, "content", ogi_toolcall_write(a->h, a->chat->calls, content, calls));
    }
    for (int64_t i = 0; calls.tag == TV_LIST && i < calls.u.l->n && ogi_tv_step(a->h, 1); i++) {
        tmpl_val function = ogi_tv_field(a->h, calls.u.l->v[i], "function");
        tmpl_val arguments = ogi_tv_field(a->h, function, "arguments");
        if (arguments.tag == TV_STR && !can->text_arguments && can->object_arguments) {
            tmpl_val v = parsed_arguments(a, arguments);
            if (v.tag == TV_DICT) tell(a, TELL_TO_OBJECT);
            set_field(a, function, "arguments", v);
        } else if (arguments.tag == TV_DICT && !can->object_arguments && can->text_arguments) {
            tmpl_sb b = { .h = a->h };
            ogi_tv_json_dump(&b, arguments, &style);
            tell(a, TELL_TO_ARGUMENT_TEXT);
            set_field(a, function, "arguments", ogi_tv_sb_done(&b));
        }
    }
}

/* reasoning_content under the template's name for it. Beside a call, some take either text or
 * reasoning: text is kept. */
static void adapt_reasoning(adapter *a, tmpl_val m)
{
    tmpl_val reasoning = ogi_tv_field(a->h, m, "reasoning_content");
    if (!a->chat->reasoning_key || reasoning.tag != TV_STR) return;
    if (ogi_tv_truth(a->h, ogi_tv_field(a->h, m, "tool_calls")) &&
        ogi_tv_truth(a->h, ogi_tv_field(a->h, m, "content")))
        return;
    tell(a, TELL_REASONING);
    set_field(a, m, a->chat->reasoning_key, reasoning);
}

static bool has_role(adapter *a, tmpl_val m, const char *role)
{
    return ogi_tv_is(ogi_tv_field(a->h, m, "role"), role);
}

/* Text and a blank line in front of a user message. */
static void put_in_front(adapter *a, tmpl_val m, tmpl_val system, int64_t i)
{
    tmpl_val content = ogi_tv_field(a->h, m, "content");
    if (content.tag == TV_LIST && a->chat->can.part_content) {
        tmpl_sb b = { .h = a->h };
        ogi_tv_sb_str(&b, system.u.s);
        ogi_tv_sb_puts(&b, "\n\n", false);
        tmpl_val list = one_part(a, ogi_tv_sb_done(&b));
        for (int64_t k = 0; k < content.u.l->n && ogi_tv_step(a->h, 1); k++)
            ogi_tv_push(a->h, list, content.u.l->v[k]);
        set_field(a, m, "content", list);
        return;
    }
    tmpl_val text = joined(a, content, i);
    tmpl_sb b = { .h = a->h };
    if (ogi_tv_failed(a->h)) return;
    ogi_tv_sb_str(&b, system.u.s);
    if (text.u.s->n) ogi_tv_sb_puts(&b, "\n\n", false);
    ogi_tv_sb_str(&b, text.u.s);
    set_field(a, m, "content", ogi_tv_sb_done(&b));
}

/* The messages without those of the system, whose text goes into the first of the user. */
static tmpl_val without_system(adapter *a, tmpl_val messages)
{
    tmpl_val out = ogi_tv_list(a->h, TV_LIST, messages.u.l->n + 1);
    tmpl_sb b = { .h = a->h };
    out.trusted = false;
    for (int64_t i = 0; i < messages.u.l->n && ogi_tv_step(a->h, 1); i++) {
        tmpl_val m = messages.u.l->v[i];
        if (!has_role(a, m, "system")) {
            ogi_tv_push(a->h, out, m);
            continue;
        }
        tmpl_val text = joined(a, ogi_tv_field(a->h, m, "content"), i);
        if (ogi_tv_failed(a->h)) return messages;
        if (b.n && text.u.s->n) ogi_tv_sb_puts(&b, "\n\n", false);
        ogi_tv_sb_str(&b, text.u.s);
    }
    tmpl_val system = ogi_tv_sb_done(&b);
    if (ogi_tv_failed(a->h) || out.u.l->n == messages.u.l->n) return messages;
    tell(a, TELL_SYSTEM);
    if (system.u.s->n == 0) return out;
    int64_t first = 0;
    while (first < out.u.l->n && !has_role(a, out.u.l->v[first], "user")) first++;
    if (first < out.u.l->n) {
        put_in_front(a, out.u.l->v[first], system, first);
        return out;
    }
    tmpl_val m = ogi_tv_dict(a->h), list = ogi_tv_list(a->h, TV_LIST, out.u.l->n + 1);
    if (ogi_tv_failed(a->h)) return messages;
    ogi_tv_put_sv(a->h, m.u.m, OGI_SV("role"), ogi_tv_lit(a->h, "user"));
    ogi_tv_put_sv(a->h, m.u.m, OGI_SV("content"), system);
    ogi_tv_push(a->h, list, m);
    for (int64_t i = 0; i < out.u.l->n; i++) ogi_tv_push(a->h, list, out.u.l->v[i]);
    return list;
}

static tmpl_val adapted(adapter *a, tmpl_val messages)
{
    const og_chat_abilities *can = &a->chat->can;
    if (!can->system_role && (can->text_content || can->part_content))
        messages = without_system(a, messages);
    for (int64_t i = 0; i < messages.u.l->n && ogi_tv_step(a->h, 1); i++) {
        if (messages.u.l->v[i].tag != TV_DICT) continue;
        adapt_content(a, messages.u.l->v[i], i);
        adapt_calls(a, messages.u.l->v[i]);
        adapt_reasoning(a, messages.u.l->v[i]);
    }
    return messages;
}

/* ---- rendering ---- */

static tmpl_val read_json(tmpl_heap *h, const char *what, const char *text, tmpl_tag want)
{
    if (ogi_tv_failed(h)) return ogi_tv_undef();
    tmpl_val v = ogi_tv_json_parse(h, what, ogi_sv_of(text));
    if (!ogi_tv_failed(h) && v.tag != want)
        ogi_tv_fail_plain(h, OG_E_FORMAT, "%s: a JSON %s is wanted", what,
                          want == TV_LIST ? "array" : "object");
    return v;
}

static void put_all(adapter *a, tmpl_dict *m, const char *what, const char *json)
{
    tmpl_val v = read_json(a->h, what, json, TV_DICT);
    for (int64_t i = 0; !ogi_tv_failed(a->h) && i < v.u.m->n; i++)
        ogi_tv_put(a->h, m, v.u.m->e[i].key, v.u.m->e[i].value);
}

static void put_think(adapter *a, tmpl_dict *m, og_think think)
{
    const char *off = a->chat->reasoning ? a->chat->reasoning->off : NULL;
    if (think == OG_THINK_DEFAULT) return;
    put_all(a, m, "think", think == OG_THINK_ON ? "{" THINK_ON "}" : "{" THINK_OFF "}");
    if (think == OG_THINK_OFF && off) put_all(a, m, "think", off);
    if (a->chat->can.reasoning && !a->chat->can.think_switch) tell(a, TELL_NO_SWITCH);
}

static tmpl_val make_context(adapter *a, const og_chat_request *req, tmpl_run *r)
{
    tmpl_heap *h = a->h;
    tmpl_val context = ogi_tv_dict(h);
    if (context.tag != TV_DICT) return context;
    tmpl_dict *m = context.u.m;
    ogi_tv_put_sv(h, m, OGI_SV("bos_token"), ogi_tv_lit(h, a->chat->bos));
    ogi_tv_put_sv(h, m, OGI_SV("eos_token"), ogi_tv_lit(h, a->chat->eos));
    ogi_tv_put_sv(h, m, OGI_SV("add_generation_prompt"), ogi_tv_bool(!req->no_generation_prompt));
    put_think(a, m, req->think);
    if (req->kwargs) put_all(a, m, "template kwargs", req->kwargs);
    if (req->tools) {
        tmpl_val tools = read_json(h, "tools", req->tools, TV_LIST);
        ogi_tv_put_sv(h, m, ogi_sv_of(a->chat->tools_key), tools);
        if (strcmp(a->chat->tools_key, "tools") != 0) tell(a, TELL_TOOLS_NAME);
        if (!ogi_tv_failed(h) && tools.u.l->n && !a->chat->can.tools) tell(a, TELL_NO_TOOLS);
    }
    tmpl_val messages = read_json(h, "messages", req->messages, TV_LIST);
    if (ogi_tv_failed(h)) return context;
    ogi_template_trust_roles(r, messages);
    ogi_tv_put_sv(h, m, OGI_SV("messages"), adapted(a, messages));
    return context;
}

og_status og_chat_render(og_ctx *ctx, og_chat *chat, const og_chat_request *req,
                         og_template_text *out)
{
    OGI_NEEDS(ctx, ctx && chat && req && out);
    tmpl_run r;
    *out = (og_template_text){ 0 };
    if (!req->messages) OG_FAIL(ctx, OG_E_INVALID, "og_chat_render: no messages");
    size_t input = strlen(req->messages) + (req->tools ? strlen(req->tools) : 0) +
                   (req->kwargs ? strlen(req->kwargs) : 0);
    ogi_template_open(ctx, chat->t, &req->limits, input, &r);
    adapter a = { .ctx = ctx, .chat = chat, .h = &r.h };
    tmpl_val context = make_context(&a, req, &r);
    ogi_template_exec(ctx, chat->t, &r, context, ogi_template_output_limit(&req->limits, input),
                      out);
    return ogi_template_close(ctx, &r, true);
}
