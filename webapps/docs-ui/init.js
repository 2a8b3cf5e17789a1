// The document comes from this server, and so does everything else: no
// validator and no renderer is asked elsewhere.
window.SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#api',
  deepLinking: true,
  validatorUrl: null,
  docExpansion: 'list',
  tryItOutEnabled: false,
})
