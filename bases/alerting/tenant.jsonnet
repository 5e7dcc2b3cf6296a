// A tenant's rules and alerting: what the tenant's folder holds, as it stands there, for the syncer to read.
//
// Each rule file is a ConfigMap of its own. One ConfigMap holds at most 1 MiB; and if files were packed into few of them,
// a new file could move another to the next one, so that for a moment, between two applied objects, its alerts were gone.
local k = import '../lib/k.libsonnet';
local slug = import '../lib/slug.libsonnet';

local stem(file) = if std.endsWith(file, '.yaml') then std.substr(file, 0, std.length(file) - 5) else file;

// kind is metrics or logs: which of the two rulers evaluates them.
local rules(kind, files) = [
  k.configMap('rules-%s-%s' % [kind, slug(stem(file))], { [file]: files[file] })
  + k.labels({ 'opsgen.dev/rules': kind })
  for file in std.objectFields(files)
];

// The configuration and its templates are one object, since one without the other is not valid.
local alertmanager(files) =
  local text = std.get(files, 'alertmanager', '');
  if text == '' then null
  else
    k.configMap('alertmanager', { 'alertmanager.yaml': text } + std.get(files, 'templates', {}))
    + k.labels({ 'opsgen.dev/alertmanager': 'true' });

function(cluster, bundle, tenant)
  local files = std.get(tenant, 'files', {});
  [
    rules('metrics', std.get(files, 'rules', {})),
    rules('logs', std.get(files, 'logRules', {})),
    alertmanager(files),
  ]
