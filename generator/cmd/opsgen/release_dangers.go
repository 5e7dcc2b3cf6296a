package main

import (
	"context"

	"github.com/opsgen/opsgen/generator/diff"
	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/render"
	"github.com/opsgen/opsgen/generator/revision"
)

// dangers are what a reviewer must know about going from one commit to another, one line each.
func (a *app) dangers(ctx context.Context, root, from, to string, clusters []string, reporter *progress.Reporter) ([]string, error) {
	if len(clusters) == 0 {
		return []string{}, nil
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
	lines := []string{}
	add := func(where string, dangers []diff.Danger) {
		for _, d := range dangers {
			lines = append(lines, where+": "+d.String())
		}
	}
	add("bundle", report.Dangers)
	for _, c := range report.Clusters {
		add(c.Name, c.Dangers)
	}
	return lines, nil
}
