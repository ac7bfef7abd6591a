/* SPDX-License-Identifier: MIT
 *
 * --arch FILE.so: a shared object that holds an og_arch (OG_ARCH_PLUGIN). It is opened once, before
 * the command runs, and stays open to the end of the program. */
#include "tools/cmd/cli_plugin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "tools/cmd/cli.h"

enum { MAX_PLUGIN = 16 };

static const og_arch *plugin[MAX_PLUGIN];
static int n_plugin;

static int open_plugin(const char *path)
{
    const og_arch *(*arch)(void) = NULL;
    char here[4096];
    if (n_plugin == MAX_PLUGIN)
        return cli_usage_error("--arch is given more than %d times", MAX_PLUGIN);
    /* Without a slash dlopen looks in the system's folders, not here. */
    snprintf(here, sizeof here, "%s%s", strchr(path, '/') ? "" : "./", path);
    void *so = dlopen(here, RTLD_NOW | RTLD_LOCAL);
    void *symbol = so ? dlsym(so, "og_arch_plugin") : NULL;
    if (!symbol) {
        const char *why = dlerror();
        fprintf(stderr, "oxigraph: --arch %s: %s\n", path, why ? why : "no og_arch_plugin in it");
        return 1;
    }
    memcpy(&arch, &symbol, sizeof arch); /* ISO C has no cast between the two */
    plugin[n_plugin++] = arch();
    return -1;
}

int cli_plugins_open(int *argc, char **argv)
{
    static const char name[] = "--arch";
    int n = 0, status = -1;
    for (int i = 0; i < *argc; i++) {
        const char *value = NULL;
        if (!strcmp(argv[i], "--")) {
            while (i < *argc) argv[n++] = argv[i++];
            break;
        }
        if (!strncmp(argv[i], "--arch=", sizeof name))
            value = argv[i] + sizeof name;
        else if (!strcmp(argv[i], name) && !(value = argv[++i]))
            return cli_usage_error("--arch wants a file");
        if (!value)
            argv[n++] = argv[i];
        else if ((status = open_plugin(value)) >= 0)
            return status;
    }
    argv[n] = NULL;
    *argc = n;
    return -1;
}

og_status cli_plugins_register(og_ctx *ctx)
{
    for (int i = 0; i < n_plugin; i++) OG_TRY(og_arch_register(ctx, plugin[i]));
    return OG_OK;
}
