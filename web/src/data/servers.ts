// servers.ts — what the three web servers need to be told
export type Server = "nginx" | "apache" | "lighttpd";

export const servers: { value: Server; label: string }[] = [
	{ value: "nginx", label: "nginx" },
	{ value: "apache", label: "Apache" },
	{ value: "lighttpd", label: "lighttpd" },
];

const snippets: Record<Server, string> = {
	nginx: `# the rest of the settings: conf/nginx/site.conf
location /v1/ {
    include oneapi-fastcgi.conf;
    fastcgi_pass unix:/run/oneapi/relay.sock;
}
location /api/ {
    include oneapi-fastcgi.conf;
    fastcgi_pass unix:/run/oneapi/admin.sock;
}`,
	apache: `# a2enmod proxy_fcgi
ProxyPass "/v1/"  "unix:/run/oneapi/relay.sock|fcgi://relay/v1/"  flushpackets=on
ProxyPass "/api/" "unix:/run/oneapi/admin.sock|fcgi://admin/api/"
# else the programs never see the Authorization header
CGIPassAuth On
SetEnvIfNoCase Request_URI "^/v1/" no-gzip=1`,
	lighttpd: `server.modules += ( "mod_fastcgi" )
server.stream-response-body = 1
fastcgi.server = (
  "/v1/"  => (( "socket" => "/run/oneapi/relay.sock", "check-local" => "disable" )),
  "/api/" => (( "socket" => "/run/oneapi/admin.sock", "check-local" => "disable" ))
)`,
};

export const serverSnippet = (server: Server): string => snippets[server];
