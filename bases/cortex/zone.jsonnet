// One zone of the workloads that hold data.
local config = import 'config.libsonnet';
local zonal = import 'zonal.libsonnet';

function(cluster, bundle, zone)
  if cluster.options.topology == 'single-binary' then []
  else
    local configMap = config(cluster);
    [
      zonal.ingesters(cluster, configMap, zone),
      zonal.storeGateways(cluster, configMap, zone),
    ]
