// Dashboards: one ConfigMap each, since a ConfigMap holds at most 1 MiB, and one volume over all of them. A folder beside
// the files (dashboards/network/dns.json) is a folder in Grafana.
local k = import '../lib/k.libsonnet';
local slug = import '../lib/slug.libsonnet';
local usage = import 'usage.libsonnet';

// Above this size a dashboard is written without line breaks; below it stays readable.
local readable = 300000;

local folderOf(file) =
  local parts = std.split(file, '/');
  std.join('/', parts[:std.length(parts) - 1]);

local stem(file) = if std.endsWith(file, '.json') then std.substr(file, 0, std.length(file) - 5) else file;

local entry(file, folder, text) = {
  file: file,
  folder: folder,
  name: 'dashboard-' + slug(std.strReplace(stem(file), '/', '-'), 'dashboard') + if std.member(file, '/') then '-' + std.substr(std.sha256(file), 0, 6) else '',
  text: if std.length(text) > readable then std.manifestJsonMinified(std.parseJson(text)) else text,
  // The path below the volume.
  path: '%s/%s.json' % [if folder == '' then 'general' else 'folder-' + slug(folder), slug(stem(file))],
};

// given are the tenant's own files, and the one that every tenant gets.
local given(tenant) =
  local files = std.get(std.get(tenant, 'files', {}), 'dashboards', {});
  [entry(file, folderOf(file), files[file]) for file in std.objectFields(files)]
  + [entry('opsgen/usage.json', 'opsgen', std.manifestJsonEx(usage(tenant), '  '))];

// The entries are made once: a function of Jsonnet is computed anew at every call.
function(tenant) {
  local boards = given(tenant),

  // Not below /etc/grafana: that is a volume of its own, and a read-only one cannot hold another's mount point.
  path: '/etc/grafana-dashboards',

  configMaps: [
    // What a folder is called is kept beside it, for the checks.
    k.configMap(dashboard.name, { 'dashboard.json': dashboard.text })
    + k.labels({ 'opsgen.dev/dashboard': 'true' })
    + k.annotations({ 'opsgen.dev/folder': dashboard.folder })
    for dashboard in boards
  ],

  volume(name): {
    name: name,
    projected: {
      sources: [
        { configMap: { name: dashboard.name, items: [{ key: 'dashboard.json', path: dashboard.path }] } }
        for dashboard in boards
      ],
    },
  },

  // providers are Grafana's: one for each folder. What leaves Git leaves Grafana, and what comes from Git is not edited
  // there: the change would be gone with the next one.
  providers: {
    apiVersion: 1,
    providers: [
      {
        local first = [dashboard for dashboard in boards if dashboard.folder == folder][0],
        name: if folder == '' then 'general' else folder,
        folder: folder,
        type: 'file',
        disableDeletion: false,
        allowUiUpdates: false,
        updateIntervalSeconds: 30,
        options: { path: $.path + '/' + std.split(first.path, '/')[0] },
      }
      for folder in std.set([dashboard.folder for dashboard in boards])
    ],
  },
}
