output "paths" {
  description = "Where the machines see each volume."
  value       = { for name, volume in localcloud_volume.this : name => volume.path }
}
