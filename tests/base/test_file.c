/* SPDX-License-Identifier: MIT
 *
 * Files are written whole or not at all, through links, and in place where they are none. */
#include "base/file.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static og_ctx *ctx;
static char folder[] = "/tmp/ogt_file_XXXXXX";

static void set_up(void)
{
    cr_assert(mkdtemp(folder) && !chdir(folder));
    cr_assert_eq(og_ctx_new(NULL, &ctx), OG_OK);
}

static void tear_down(void)
{
    char command[64];
    og_ctx_free(ctx);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_expect_eq(system(command), 0);
}

TestSuite(file, .init = set_up, .fini = tear_down, .timeout = 60);

static void make(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    cr_assert(f && fputs(text, f) >= 0 && !fclose(f));
}

static void holds(const char *path, const char *text)
{
    char got[64] = "";
    FILE *f = fopen(path, "r");
    cr_assert(f, "%s is missing", path);
    size_t n = fread(got, 1, sizeof got - 1, f);
    fclose(f);
    got[n] = 0;
    cr_assert_str_eq(got, text, "%s holds '%s', not '%s'", path, got, text);
}

static int files_here(void)
{
    DIR *d = opendir(".");
    int n = -2; /* . and .. */
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static og_status write_text(const char *path, const char *text)
{
    return ogi_file_write(ctx, path, text, strlen(text), 0644);
}

Test(file, a_failed_or_killed_writer_leaves_what_was_there_and_nothing_else)
{
    ogi_file_writer w;
    make("f", "old");
    cr_assert_eq(ogi_file_begin(ctx, "f", 0644, &w), OG_OK);
    cr_assert_eq(ogi_file_put(&w, "ne", 2), OG_OK);
    holds("f", "old");
    ogi_file_discard(&w);
    pid_t child = fork();
    if (!child) {
        if (ogi_file_begin(ctx, "f", 0644, &w) == OG_OK) ogi_file_put(&w, "ne", 2);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    holds("f", "old");
    cr_assert_eq(files_here(), 1, "%d files", files_here());
    cr_assert_eq(write_text("f", "new"), OG_OK);
    holds("f", "new");
    cr_assert_eq(files_here(), 1);
}

Test(file, names_of_others_are_left_alone)
{
    char name[64];
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "f.%ld.%d.tmp", (long)getpid(), i);
        make(name, "the user's");
    }
    cr_assert_eq(write_text("f", "new"), OG_OK);
    holds("f", "new");
    holds(name, "the user's");
    cr_assert_eq(files_here(), 4);
}

Test(file, links_are_followed_also_to_nothing_and_in_circles)
{
    struct stat st;
    cr_assert(!mkdir("d", 0700) && !symlink("d/real", "l") && !symlink("l", "ll"));
    cr_assert_eq(write_text("ll", "new"), OG_OK);
    holds("d/real", "new");
    cr_assert(!lstat("l", &st) && S_ISLNK(st.st_mode) && !lstat("ll", &st) && S_ISLNK(st.st_mode));
    cr_assert(!symlink("b", "a") && !symlink("a", "b"));
    cr_assert_eq(write_text("a", "x"), OG_E_IO);
}

Test(file, modes_grow_no_wider_and_read_only_files_are_refused)
{
    struct stat st;
    make("f", "old");
    chmod("f", 0600);
    cr_assert_eq(write_text("f", "new"), OG_OK);
    cr_assert(!stat("f", &st) && (st.st_mode & 0777) == 0600, "mode %o", st.st_mode & 0777);
    if (!geteuid()) return; /* root may write anything */
    chmod("f", 0400);
    cr_assert_eq(write_text("f", "newer"), OG_E_IO);
    holds("f", "new");
}

Test(file, pipes_and_devices_are_written_in_place)
{
    struct stat st;
    char got[8] = "";
    cr_assert_eq(mkfifo("p", 0600), 0);
    int fd = open("p", O_RDONLY | O_NONBLOCK);
    cr_assert_eq(write_text("p", "new"), OG_OK);
    cr_assert_eq(read(fd, got, sizeof got), 3);
    cr_assert_str_eq(got, "new");
    close(fd);
    cr_assert(!stat("p", &st) && S_ISFIFO(st.st_mode));
    cr_assert_eq(symlink("/dev/full", "full"), 0);
    cr_assert_eq(write_text("full", "new"), OG_E_IO);
    cr_assert(strstr(og_error(ctx), "No space left"), "%s", og_error(ctx));
    cr_assert(!stat("full", &st) && S_ISCHR(st.st_mode));
    cr_assert_eq(write_text(".", "new"), OG_E_IO);
}

/* What was printed before stays, under every name that standard output has. */
Test(file, standard_output_is_written_where_it_stands)
{
    static const char *const name[] = { "-", "/dev/stdout", "out" };
    fflush(stdout);
    int kept = dup(STDOUT_FILENO), fd = open("out", O_RDWR | O_CREAT, 0600);
    dup2(fd, STDOUT_FILENO);
    og_status st = write(STDOUT_FILENO, "a", 1) == 1 ? OG_OK : OG_E_IO;
    for (int i = 0; i < OGI_LEN(name) && st == OG_OK; i++) st = write_text(name[i], "b");
    dup2(kept, STDOUT_FILENO);
    cr_assert_eq(st, OG_OK, "%s", og_error(ctx));
    holds("out", "abbb");
}

Test(file, one_file_has_many_names)
{
    make("f", "x");
    make("g", "x");
    cr_assert(!link("f", "hard") && !symlink("f", "soft"));
    cr_assert(ogi_file_is_same("f", "./f") && ogi_file_is_same("f", "hard"));
    cr_assert(ogi_file_is_same("soft", "f"));
    cr_assert(!ogi_file_is_same("f", "g") && !ogi_file_is_same("f", "none"));
    cr_assert(!ogi_file_is_same("none", "none"));
}
