package main

import (
	"context"

	"github.com/opsgen/opsgen/generator/diff"
	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/release"
	"github.com/opsgen/opsgen/generator/render"
	"github.com/opsgen/opsgen/generator/revision"
)

// keepSchema says what to do instead of going behind a period of the schema.
const keepSchema = "Keep every period that has begun, as it is: take the schema of the deployment before into this commit " +
	"(schema_config in bases/loki/config.libsonnet), when this version of Loki knows it. Otherwise mend forward: docs/operations/rollback.md."

// dangers are what a reviewer must know about going from one commit to another, one line each.
func (a *app) dangers(ctx context.Context, root, from, to string, clusters []string, reporter *progress.Reporter) ([]release.Danger, error) {
	if len(clusters) == 0 {
		return nil, nil
	}
	history, err := revision.Open(ctx, root)
	if err != nil {
		return nil, err
	}
	store, err := a.store(root, reporter)
	if err != nil {
		return nil, err
	}
	cacheDir, err := a.cacheDir()
	if err != nil {
		return nil, err
	}
	report, err := diff.Run(ctx, diff.Options{
		History: history, Clusters: clusters,
		Range:  revision.Range{From: revision.Revision{Name: from, Commit: from}, To: &revision.Revision{Name: to, Commit: to}},
		Render: render.Options{Root: root, Jobs: defaultJobs(), CacheDir: cacheDir, Sources: store, Progress: reporter},
	})
	if err != nil {
		return nil, err
	}
	var found []release.Danger
	add := func(where string, dangers []diff.Danger) {
		for _, d := range dangers {
			told := release.Danger{Text: where + ": " + d.String()}
			if d.Rule == diff.SchemaCrossed {
				told.Instead = keepSchema
			}
			found = append(found, told)
		}
	}
	add("bundle", report.Dangers)
	for _, c := range report.Clusters {
		add(c.Name, c.Dangers)
	}
	return found, nil
}
