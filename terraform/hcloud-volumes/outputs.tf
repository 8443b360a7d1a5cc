output "volumes" {
  description = "Id, size in GB and location of each volume."
  value = {
    for name, volume in hcloud_volume.this : name => {
      id       = volume.id
      size_gb  = volume.size
      location = volume.location
    }
  }
}

output "storage_values" {
  description = "Values of chart omegaml-storage: static PersistentVolumes in front of the volumes. Others of the chart's volumes come from the CSI driver."
  value = {
    storageClass = "hcloud-volumes"
    volumes = merge(
      { rabbitmq = { mode = "storageClass", size = "10Gi" } },
      {
        for name, volume in hcloud_volume.this : name => {
          mode = "csi"
          size = "${volume.size}Gi"
          csi = {
            driver       = "csi.hetzner.cloud"
            volumeHandle = volume.id
            topology     = { "csi.hetzner.cloud/location" = volume.location }
          }
        }
      },
    )
  }
}
