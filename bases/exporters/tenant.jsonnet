// A tenant's exporters: a pod each, closed but for what it asks, and one scraper that takes their answers into the
// tenant's metrics. A tenant without exporters has nothing of it.
local azureMonitor = import 'azure-monitor.libsonnet';
local blackbox = import 'blackbox.libsonnet';
local cloudMonitoring = import 'cloud-monitoring.libsonnet';
local cloudwatch = import 'cloudwatch.libsonnet';
local scraper = import 'scraper.libsonnet';

local kinds = { azureMonitor: azureMonitor, blackbox: blackbox, cloudMonitoring: cloudMonitoring, cloudwatch: cloudwatch };

function(cluster, bundle, tenant)
  local written = std.get(tenant, 'exporters', {});
  local chosen = [name for name in std.objectFields(kinds) if std.objectHas(written, name)];
  if chosen == [] then []
  else
    local namespace = 'tenant-' + tenant.name;
    local exporters = [kinds[name](cluster, namespace, written[name], std.get(written, 'networks', [])) for name in chosen];
    [exporter.objects for exporter in exporters]
    + scraper(cluster, namespace, written.samplesPerScrape, exporters)
