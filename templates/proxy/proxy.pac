// Exceptions of {{ site.name }}, for machines that take their proxy from a PAC file.
function FindProxyForURL(url, host) {
{% for host in proxy.bypass -%}
{% if host is starting_with(pat=".") %}  if (dnsDomainIs(host, "{{ host }}")) return "DIRECT";
{% else %}  if (host === "{{ host }}") return "DIRECT";
{% endif -%}
{% endfor -%}
{% if proxy.address %}  return "PROXY {{ proxy.address }}";
{% else %}  return "DIRECT";
{% endif -%}
}
