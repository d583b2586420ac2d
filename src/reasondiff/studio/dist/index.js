var e=globalThis,t=e.ShadowRoot&&(e.ShadyCSS===void 0||e.ShadyCSS.nativeShadow)&&`adoptedStyleSheets`in Document.prototype&&`replace`in CSSStyleSheet.prototype,n=Symbol(),r=new WeakMap,i=class{constructor(e,t,r){if(this._$cssResult$=!0,r!==n)throw Error("CSSResult is not constructable. Use `unsafeCSS` or `css` instead.");this.cssText=e,this.t=t}get styleSheet(){let e=this.o,n=this.t;if(t&&e===void 0){let t=n!==void 0&&n.length===1;t&&(e=r.get(n)),e===void 0&&((this.o=e=new CSSStyleSheet).replaceSync(this.cssText),t&&r.set(n,e))}return e}toString(){return this.cssText}},a=e=>new i(typeof e==`string`?e:e+``,void 0,n),o=(e,...t)=>new i(e.length===1?e[0]:t.reduce((t,n,r)=>t+(e=>{if(!0===e._$cssResult$)return e.cssText;if(typeof e==`number`)return e;throw Error(`Value passed to 'css' function must be a 'css' function result: `+e+`. Use 'unsafeCSS' to pass non-literal values, but take care to ensure page security.`)})(n)+e[r+1],e[0]),e,n),s=(n,r)=>{if(t)n.adoptedStyleSheets=r.map(e=>e instanceof CSSStyleSheet?e:e.styleSheet);else for(let t of r){let r=document.createElement(`style`),i=e.litNonce;i!==void 0&&r.setAttribute(`nonce`,i),r.textContent=t.cssText,n.appendChild(r)}},c=t?e=>e:e=>e instanceof CSSStyleSheet?(e=>{let t=``;for(let n of e.cssRules)t+=n.cssText;return a(t)})(e):e,{is:l,defineProperty:u,getOwnPropertyDescriptor:d,getOwnPropertyNames:ee,getOwnPropertySymbols:te,getPrototypeOf:ne}=Object,f=globalThis,re=f.trustedTypes,ie=re?re.emptyScript:``,ae=f.reactiveElementPolyfillSupport,p=(e,t)=>e,m={toAttribute(e,t){switch(t){case Boolean:e=e?ie:null;break;case Object:case Array:e=e==null?e:JSON.stringify(e)}return e},fromAttribute(e,t){let n=e;switch(t){case Boolean:n=e!==null;break;case Number:n=e===null?null:Number(e);break;case Object:case Array:try{n=JSON.parse(e)}catch{n=null}}return n}},oe=(e,t)=>!l(e,t),se={attribute:!0,type:String,converter:m,reflect:!1,useDefault:!1,hasChanged:oe};Symbol.metadata??=Symbol(`metadata`),f.litPropertyMetadata??=new WeakMap;var h=class extends HTMLElement{static addInitializer(e){this._$Ei(),(this.l??=[]).push(e)}static get observedAttributes(){return this.finalize(),this._$Eh&&[...this._$Eh.keys()]}static createProperty(e,t=se){if(t.state&&(t.attribute=!1),this._$Ei(),this.prototype.hasOwnProperty(e)&&((t=Object.create(t)).wrapped=!0),this.elementProperties.set(e,t),!t.noAccessor){let n=Symbol(),r=this.getPropertyDescriptor(e,n,t);r!==void 0&&u(this.prototype,e,r)}}static getPropertyDescriptor(e,t,n){let{get:r,set:i}=d(this.prototype,e)??{get(){return this[t]},set(e){this[t]=e}};return{get:r,set(t){let a=r?.call(this);i?.call(this,t),this.requestUpdate(e,a,n)},configurable:!0,enumerable:!0}}static getPropertyOptions(e){return this.elementProperties.get(e)??se}static _$Ei(){if(this.hasOwnProperty(p(`elementProperties`)))return;let e=ne(this);e.finalize(),e.l!==void 0&&(this.l=[...e.l]),this.elementProperties=new Map(e.elementProperties)}static finalize(){if(this.hasOwnProperty(p(`finalized`)))return;if(this.finalized=!0,this._$Ei(),this.hasOwnProperty(p(`properties`))){let e=this.properties,t=[...ee(e),...te(e)];for(let n of t)this.createProperty(n,e[n])}let e=this[Symbol.metadata];if(e!==null){let t=litPropertyMetadata.get(e);if(t!==void 0)for(let[e,n]of t)this.elementProperties.set(e,n)}this._$Eh=new Map;for(let[e,t]of this.elementProperties){let n=this._$Eu(e,t);n!==void 0&&this._$Eh.set(n,e)}this.elementStyles=this.finalizeStyles(this.styles)}static finalizeStyles(e){let t=[];if(Array.isArray(e)){let n=new Set(e.flat(1/0).reverse());for(let e of n)t.unshift(c(e))}else e!==void 0&&t.push(c(e));return t}static _$Eu(e,t){let n=t.attribute;return!1===n?void 0:typeof n==`string`?n:typeof e==`string`?e.toLowerCase():void 0}constructor(){super(),this._$Ep=void 0,this.isUpdatePending=!1,this.hasUpdated=!1,this._$Em=null,this._$Ev()}_$Ev(){this._$ES=new Promise(e=>this.enableUpdating=e),this._$AL=new Map,this._$E_(),this.requestUpdate(),this.constructor.l?.forEach(e=>e(this))}addController(e){(this._$EO??=new Set).add(e),this.renderRoot!==void 0&&this.isConnected&&e.hostConnected?.()}removeController(e){this._$EO?.delete(e)}_$E_(){let e=new Map,t=this.constructor.elementProperties;for(let n of t.keys())this.hasOwnProperty(n)&&(e.set(n,this[n]),delete this[n]);e.size>0&&(this._$Ep=e)}createRenderRoot(){let e=this.shadowRoot??this.attachShadow(this.constructor.shadowRootOptions);return s(e,this.constructor.elementStyles),e}connectedCallback(){this.renderRoot??=this.createRenderRoot(),this.enableUpdating(!0),this._$EO?.forEach(e=>e.hostConnected?.())}enableUpdating(e){}disconnectedCallback(){this._$EO?.forEach(e=>e.hostDisconnected?.())}attributeChangedCallback(e,t,n){this._$AK(e,n)}_$ET(e,t){let n=this.constructor.elementProperties.get(e),r=this.constructor._$Eu(e,n);if(r!==void 0&&!0===n.reflect){let i=(n.converter?.toAttribute===void 0?m:n.converter).toAttribute(t,n.type);this._$Em=e,i==null?this.removeAttribute(r):this.setAttribute(r,i),this._$Em=null}}_$AK(e,t){let n=this.constructor,r=n._$Eh.get(e);if(r!==void 0&&this._$Em!==r){let e=n.getPropertyOptions(r),i=typeof e.converter==`function`?{fromAttribute:e.converter}:e.converter?.fromAttribute===void 0?m:e.converter;this._$Em=r;let a=i.fromAttribute(t,e.type);this[r]=a??this._$Ej?.get(r)??a,this._$Em=null}}requestUpdate(e,t,n,r=!1,i){if(e!==void 0){let a=this.constructor;if(!1===r&&(i=this[e]),n??=a.getPropertyOptions(e),!((n.hasChanged??oe)(i,t)||n.useDefault&&n.reflect&&i===this._$Ej?.get(e)&&!this.hasAttribute(a._$Eu(e,n))))return;this.C(e,t,n)}!1===this.isUpdatePending&&(this._$ES=this._$EP())}C(e,t,{useDefault:n,reflect:r,wrapped:i},a){n&&!(this._$Ej??=new Map).has(e)&&(this._$Ej.set(e,a??t??this[e]),!0!==i||a!==void 0)||(this._$AL.has(e)||(this.hasUpdated||n||(t=void 0),this._$AL.set(e,t)),!0===r&&this._$Em!==e&&(this._$Eq??=new Set).add(e))}async _$EP(){this.isUpdatePending=!0;try{await this._$ES}catch(e){Promise.reject(e)}let e=this.scheduleUpdate();return e!=null&&await e,!this.isUpdatePending}scheduleUpdate(){return this.performUpdate()}performUpdate(){if(!this.isUpdatePending)return;if(!this.hasUpdated){if(this.renderRoot??=this.createRenderRoot(),this._$Ep){for(let[e,t]of this._$Ep)this[e]=t;this._$Ep=void 0}let e=this.constructor.elementProperties;if(e.size>0)for(let[t,n]of e){let{wrapped:e}=n,r=this[t];!0!==e||this._$AL.has(t)||r===void 0||this.C(t,void 0,n,r)}}let e=!1,t=this._$AL;try{e=this.shouldUpdate(t),e?(this.willUpdate(t),this._$EO?.forEach(e=>e.hostUpdate?.()),this.update(t)):this._$EM()}catch(t){throw e=!1,this._$EM(),t}e&&this._$AE(t)}willUpdate(e){}_$AE(e){this._$EO?.forEach(e=>e.hostUpdated?.()),this.hasUpdated||(this.hasUpdated=!0,this.firstUpdated(e)),this.updated(e)}_$EM(){this._$AL=new Map,this.isUpdatePending=!1}get updateComplete(){return this.getUpdateComplete()}getUpdateComplete(){return this._$ES}shouldUpdate(e){return!0}update(e){this._$Eq&&=this._$Eq.forEach(e=>this._$ET(e,this[e])),this._$EM()}updated(e){}firstUpdated(e){}};h.elementStyles=[],h.shadowRootOptions={mode:`open`},h[p(`elementProperties`)]=new Map,h[p(`finalized`)]=new Map,ae?.({ReactiveElement:h}),(f.reactiveElementVersions??=[]).push(`2.1.2`);var ce=globalThis,le=e=>e,g=ce.trustedTypes,ue=g?g.createPolicy(`lit-html`,{createHTML:e=>e}):void 0,de=`$lit$`,_=`lit$${Math.random().toFixed(9).slice(2)}$`,fe=`?`+_,pe=`<${fe}>`,v=document,y=()=>v.createComment(``),b=e=>e===null||typeof e!=`object`&&typeof e!=`function`,me=Array.isArray,he=e=>me(e)||typeof e?.[Symbol.iterator]==`function`,ge=`[ 	
\f\r]`,x=/<(?:(!--|\/[^a-zA-Z])|(\/?[a-zA-Z][^>\s]*)|(\/?$))/g,_e=/-->/g,ve=/>/g,S=RegExp(`>|${ge}(?:([^\\s"'>=/]+)(${ge}*=${ge}*(?:[^ \t\n\f\r"'\`<>=]|("|')|))|$)`,`g`),ye=/'/g,be=/"/g,xe=/^(?:script|style|textarea|title)$/i,C=(e=>(t,...n)=>({_$litType$:e,strings:t,values:n}))(1),w=Symbol.for(`lit-noChange`),T=Symbol.for(`lit-nothing`),Se=new WeakMap,E=v.createTreeWalker(v,129);function Ce(e,t){if(!me(e)||!e.hasOwnProperty(`raw`))throw Error(`invalid template strings array`);return ue===void 0?t:ue.createHTML(t)}var we=(e,t)=>{let n=e.length-1,r=[],i,a=t===2?`<svg>`:t===3?`<math>`:``,o=x;for(let t=0;t<n;t++){let n=e[t],s,c,l=-1,u=0;for(;u<n.length&&(o.lastIndex=u,c=o.exec(n),c!==null);)u=o.lastIndex,o===x?c[1]===`!--`?o=_e:c[1]===void 0?c[2]===void 0?c[3]!==void 0&&(o=S):(xe.test(c[2])&&(i=RegExp(`</`+c[2],`g`)),o=S):o=ve:o===S?c[0]===`>`?(o=i??x,l=-1):c[1]===void 0?l=-2:(l=o.lastIndex-c[2].length,s=c[1],o=c[3]===void 0?S:c[3]===`"`?be:ye):o===be||o===ye?o=S:o===_e||o===ve?o=x:(o=S,i=void 0);let d=o===S&&e[t+1].startsWith(`/>`)?` `:``;a+=o===x?n+pe:l>=0?(r.push(s),n.slice(0,l)+de+n.slice(l)+_+d):n+_+(l===-2?t:d)}return[Ce(e,a+(e[n]||`<?>`)+(t===2?`</svg>`:t===3?`</math>`:``)),r]},D=class e{constructor({strings:t,_$litType$:n},r){let i;this.parts=[];let a=0,o=0,s=t.length-1,c=this.parts,[l,u]=we(t,n);if(this.el=e.createElement(l,r),E.currentNode=this.el.content,n===2||n===3){let e=this.el.content.firstChild;e.replaceWith(...e.childNodes)}for(;(i=E.nextNode())!==null&&c.length<s;){if(i.nodeType===1){if(i.hasAttributes())for(let e of i.getAttributeNames())if(e.endsWith(de)){let t=u[o++],n=i.getAttribute(e).split(_),r=/([.?@])?(.*)/.exec(t);c.push({type:1,index:a,name:r[2],strings:n,ctor:r[1]===`.`?Ee:r[1]===`?`?De:r[1]===`@`?Oe:A}),i.removeAttribute(e)}else e.startsWith(_)&&(c.push({type:6,index:a}),i.removeAttribute(e));if(xe.test(i.tagName)){let e=i.textContent.split(_),t=e.length-1;if(t>0){i.textContent=g?g.emptyScript:``;for(let n=0;n<t;n++)i.append(e[n],y()),E.nextNode(),c.push({type:2,index:++a});i.append(e[t],y())}}}else if(i.nodeType===8){if(i.data===fe)c.push({type:2,index:a});else{let e=-1;for(;(e=i.data.indexOf(_,e+1))!==-1;)c.push({type:7,index:a}),e+=_.length-1}}a++}}static createElement(e,t){let n=v.createElement(`template`);return n.innerHTML=e,n}};function O(e,t,n=e,r){if(t===w)return t;let i=r===void 0?n._$Cl:n._$Co?.[r],a=b(t)?void 0:t._$litDirective$;return i?.constructor!==a&&(i?._$AO?.(!1),a===void 0?i=void 0:(i=new a(e),i._$AT(e,n,r)),r===void 0?n._$Cl=i:(n._$Co??=[])[r]=i),i!==void 0&&(t=O(e,i._$AS(e,t.values),i,r)),t}var Te=class{constructor(e,t){this._$AV=[],this._$AN=void 0,this._$AD=e,this._$AM=t}get parentNode(){return this._$AM.parentNode}get _$AU(){return this._$AM._$AU}u(e){let{el:{content:t},parts:n}=this._$AD,r=(e?.creationScope??v).importNode(t,!0);E.currentNode=r;let i=E.nextNode(),a=0,o=0,s=n[0];for(;s!==void 0;){if(a===s.index){let t;s.type===2?t=new k(i,i.nextSibling,this,e):s.type===1?t=new s.ctor(i,s.name,s.strings,this,e):s.type===6&&(t=new ke(i,this,e)),this._$AV.push(t),s=n[++o]}a!==s?.index&&(i=E.nextNode(),a++)}return E.currentNode=v,r}p(e){let t=0;for(let n of this._$AV)n!==void 0&&(n.strings===void 0?n._$AI(e[t]):(n._$AI(e,n,t),t+=n.strings.length-2)),t++}},k=class e{get _$AU(){return this._$AM?._$AU??this._$Cv}constructor(e,t,n,r){this.type=2,this._$AH=T,this._$AN=void 0,this._$AA=e,this._$AB=t,this._$AM=n,this.options=r,this._$Cv=r?.isConnected??!0}get parentNode(){let e=this._$AA.parentNode,t=this._$AM;return t!==void 0&&e?.nodeType===11&&(e=t.parentNode),e}get startNode(){return this._$AA}get endNode(){return this._$AB}_$AI(e,t=this){e=O(this,e,t),b(e)?e===T||e==null||e===``?(this._$AH!==T&&this._$AR(),this._$AH=T):e!==this._$AH&&e!==w&&this._(e):e._$litType$===void 0?e.nodeType===void 0?he(e)?this.k(e):this._(e):this.T(e):this.$(e)}O(e){return this._$AA.parentNode.insertBefore(e,this._$AB)}T(e){this._$AH!==e&&(this._$AR(),this._$AH=this.O(e))}_(e){this._$AH!==T&&b(this._$AH)?this._$AA.nextSibling.data=e:this.T(v.createTextNode(e)),this._$AH=e}$(e){let{values:t,_$litType$:n}=e,r=typeof n==`number`?this._$AC(e):(n.el===void 0&&(n.el=D.createElement(Ce(n.h,n.h[0]),this.options)),n);if(this._$AH?._$AD===r)this._$AH.p(t);else{let e=new Te(r,this),n=e.u(this.options);e.p(t),this.T(n),this._$AH=e}}_$AC(e){let t=Se.get(e.strings);return t===void 0&&Se.set(e.strings,t=new D(e)),t}k(t){me(this._$AH)||(this._$AH=[],this._$AR());let n=this._$AH,r,i=0;for(let a of t)i===n.length?n.push(r=new e(this.O(y()),this.O(y()),this,this.options)):r=n[i],r._$AI(a),i++;i<n.length&&(this._$AR(r&&r._$AB.nextSibling,i),n.length=i)}_$AR(e=this._$AA.nextSibling,t){for(this._$AP?.(!1,!0,t);e!==this._$AB;){let t=le(e).nextSibling;le(e).remove(),e=t}}setConnected(e){this._$AM===void 0&&(this._$Cv=e,this._$AP?.(e))}},A=class{get tagName(){return this.element.tagName}get _$AU(){return this._$AM._$AU}constructor(e,t,n,r,i){this.type=1,this._$AH=T,this._$AN=void 0,this.element=e,this.name=t,this._$AM=r,this.options=i,n.length>2||n[0]!==``||n[1]!==``?(this._$AH=Array(n.length-1).fill(new String),this.strings=n):this._$AH=T}_$AI(e,t=this,n,r){let i=this.strings,a=!1;if(i===void 0)e=O(this,e,t,0),a=!b(e)||e!==this._$AH&&e!==w,a&&(this._$AH=e);else{let r=e,o,s;for(e=i[0],o=0;o<i.length-1;o++)s=O(this,r[n+o],t,o),s===w&&(s=this._$AH[o]),a||=!b(s)||s!==this._$AH[o],s===T?e=T:e!==T&&(e+=(s??``)+i[o+1]),this._$AH[o]=s}a&&!r&&this.j(e)}j(e){e===T?this.element.removeAttribute(this.name):this.element.setAttribute(this.name,e??``)}},Ee=class extends A{constructor(){super(...arguments),this.type=3}j(e){this.element[this.name]=e===T?void 0:e}},De=class extends A{constructor(){super(...arguments),this.type=4}j(e){this.element.toggleAttribute(this.name,!!e&&e!==T)}},Oe=class extends A{constructor(e,t,n,r,i){super(e,t,n,r,i),this.type=5}_$AI(e,t=this){if((e=O(this,e,t,0)??T)===w)return;let n=this._$AH,r=e===T&&n!==T||e.capture!==n.capture||e.once!==n.once||e.passive!==n.passive,i=e!==T&&(n===T||r);r&&this.element.removeEventListener(this.name,this,n),i&&this.element.addEventListener(this.name,this,e),this._$AH=e}handleEvent(e){typeof this._$AH==`function`?this._$AH.call(this.options?.host??this.element,e):this._$AH.handleEvent(e)}},ke=class{constructor(e,t,n){this.element=e,this.type=6,this._$AN=void 0,this._$AM=t,this.options=n}get _$AU(){return this._$AM._$AU}_$AI(e){O(this,e)}},Ae=ce.litHtmlPolyfillSupport;Ae?.(D,k),(ce.litHtmlVersions??=[]).push(`3.3.3`);var je=(e,t,n)=>{let r=n?.renderBefore??t,i=r._$litPart$;if(i===void 0){let e=n?.renderBefore??null;r._$litPart$=i=new k(t.insertBefore(y(),e),e,void 0,n??{})}return i._$AI(e),i},j=globalThis,M=class extends h{constructor(){super(...arguments),this.renderOptions={host:this},this._$Do=void 0}createRenderRoot(){let e=super.createRenderRoot();return this.renderOptions.renderBefore??=e.firstChild,e}update(e){let t=this.render();this.hasUpdated||(this.renderOptions.isConnected=this.isConnected),super.update(e),this._$Do=je(t,this.renderRoot,this.renderOptions)}connectedCallback(){super.connectedCallback(),this._$Do?.setConnected(!0)}disconnectedCallback(){super.disconnectedCallback(),this._$Do?.setConnected(!1)}render(){return w}};M._$litElement$=!0,M.finalized=!0,j.litElementHydrateSupport?.({LitElement:M});var Me=j.litElementPolyfillSupport;Me?.({LitElement:M}),(j.litElementVersions??=[]).push(`4.2.2`);var N=e=>(t,n)=>{n===void 0?customElements.define(e,t):n.addInitializer(()=>{customElements.define(e,t)})},Ne={attribute:!0,type:String,converter:m,reflect:!1,hasChanged:oe},Pe=(e=Ne,t,n)=>{let{kind:r,metadata:i}=n,a=globalThis.litPropertyMetadata.get(i);if(a===void 0&&globalThis.litPropertyMetadata.set(i,a=new Map),r===`setter`&&((e=Object.create(e)).wrapped=!0),a.set(n.name,e),r===`accessor`){let{name:r}=n;return{set(n){let i=t.get.call(this);t.set.call(this,n),this.requestUpdate(r,i,e,!0,n)},init(t){return t!==void 0&&this.C(r,void 0,e,t),t}}}if(r===`setter`){let{name:r}=n;return function(n){let i=this[r];t.call(this,n),this.requestUpdate(r,i,e,!0,n)}}throw Error(`Unsupported decorator location: `+r)};function P(e){return(t,n)=>typeof n==`object`?Pe(e,t,n):((e,t,n)=>{let r=t.hasOwnProperty(n);return t.constructor.createProperty(n,e),r?Object.getOwnPropertyDescriptor(t,n):void 0})(e,t,n)}function F(e){return P({...e,state:!0,attribute:!1})}var Fe=(e,t,n)=>(n.configurable=!0,n.enumerable=!0,Reflect.decorate&&typeof t!=`object`&&Object.defineProperty(e,t,n),n);function I(e,t){return(n,r,i)=>{let a=t=>t.renderRoot?.querySelector(e)??null;if(t){let{get:e,set:t}=typeof r==`object`?n:i??(()=>{let e=Symbol();return{get(){return this[e]},set(t){this[e]=t}}})();return Fe(n,r,{get(){let n=e.call(this);return n===void 0&&(n=a(this),(n!==null||this.hasUpdated)&&t.call(this,n)),n}})}return Fe(n,r,{get(){return a(this)}})}}var L=class extends Error{constructor(e,t,n){super(e),this.status=t,this.code=n}},Ie=class{constructor(e=`v1`,t=()=>null){this.base=e,this.key=t}async models(){return(await this.json(`GET`,`models`)).data}tell(e,t){let n=new FormData;return n.set(`image`,e,`image`),n.set(`prompt`,t),this.json(`POST`,`narratives`,n)}create(e,t){let n=new FormData;return n.set(`prompt`,e.prompt),n.set(`input_reference`,e.image,`image`),e.narrative&&n.set(`narrative`,JSON.stringify(e.narrative)),e.seed!==null&&n.set(`seed`,String(e.seed)),e.steps!==null&&n.set(`num_inference_steps`,String(e.steps)),e.size&&n.set(`size`,e.size),this.json(`POST`,`videos`,n,{"Idempotency-Key":t})}async list(e=50){return(await this.json(`GET`,`videos?limit=${e}&order=desc`)).data}retrieve(e){return this.json(`GET`,`videos/${encodeURIComponent(e)}`)}cancel(e){return this.json(`POST`,`videos/${encodeURIComponent(e)}/cancel`)}async remove(e){await this.json(`DELETE`,`videos/${encodeURIComponent(e)}`)}move(e,t){let n=JSON.stringify({queue_position:t});return this.json(`PATCH`,`videos/${encodeURIComponent(e)}`,n,{"Content-Type":`application/json`})}async content(e,t){let n=`videos/${encodeURIComponent(e)}/content?variant=${t}`;return(await this.fetch(`GET`,n)).blob()}async*events(e,t){let n=null;for(;!t.aborted;){try{let r=n===null?{}:{"Last-Event-ID":n},i=await this.fetch(`GET`,`videos/${encodeURIComponent(e)}/events`,null,r,t);for await(let e of Re(i.body))if(n=e.id??n,e.data){let t=JSON.parse(e.data);if(yield t,R(t))return}}catch(e){if(t.aborted||e instanceof L&&e.status<500)return}await ze(1e3,t)}}async json(e,t,n=null,r={}){return await(await this.fetch(e,t,n,r)).json()}async fetch(e,t,n=null,r={},i=null){let a=this.key(),o=a?{Authorization:`Bearer ${a}`}:{},s=await fetch(`${this.base}/${t}`,{method:e,body:n,headers:{...o,...r},signal:i});if(!s.ok)throw await Le(s);return s}};function R(e){return e.status===`completed`||e.status===`failed`}async function Le(e){let t=`The server answered ${e.status}.`;try{let{error:n}=await e.json();return new L(n?.message??t,e.status,n?.code??null)}catch{return new L(t,e.status,null)}}async function*Re(e){let t=e.pipeThrough(new TextDecoderStream).getReader(),n=``;try{for(;;){let{value:e,done:r}=await t.read();if(r)return;n=(n+e).replaceAll(`\r
`,`
`);let i=n.split(`

`);n=i.pop();for(let e of i){let t=e.split(`
`),n=e=>t.filter(t=>t.startsWith(`${e}:`)).map(t=>t.slice(e.length+1).replace(/^ /,``));yield{id:n(`id`).at(-1)??null,data:n(`data`).join(`
`)}}}}finally{t.releaseLock()}}function ze(e,t){return new Promise(n=>{let r=setTimeout(n,e);t.addEventListener(`abort`,()=>(clearTimeout(r),n()),{once:!0})})}var Be=`{"reasondiff_record"`,Ve=2**26,He=[[`moov`,0],[`udta`,0],[`meta`,4],[`ilst`,0],[`©cmt`,0],[`data`,8]];async function Ue(e){let[t,n]=[0,e.size];for(let[r,i]of He){let a=await We(e,t,n,r);if(a===null)return null;[t,n]=[a.start+i,a.end]}if(n-t>Ve)return null;let r=await e.slice(t,n).text();return r.startsWith(Be)?JSON.parse(r):null}async function We(e,t,n,r){for(;t+8<=n;){let i=new DataView(await e.slice(t,Math.min(t+16,n)).arrayBuffer()),a=String.fromCharCode(...[4,5,6,7].map(e=>i.getUint8(e))),o=i.getUint32(0),s=o===1&&i.byteLength===16,c=s?Number(i.getBigUint64(8)):o||n-t;if(c<8||t+c>n)return null;if(a===r)return{start:t+(s?16:8),end:t+c};t+=c}return null}var z=class extends Error{};function B(e){return e.end-e.start}function Ge(e,t){return e.start<=t&&t<e.end}function V(e,t){return e.clips.findIndex(e=>Ge(e,t))}function Ke(e){let t=`[\\s\\x1c-\\x1f\\x85]`;return e.replace(RegExp(`^${t}+|${t}+$`,`g`),``)}function qe(e){for(let t of e.clips)if(!Ke(t.description))throw new z(`Clip ${t.start+1}..${t.end} has no description; say what these frames show.`);for(let t of e.anchors)if(t.frame<0||t.frame>=e.numFrames)throw new z(`Position ${t.frame+1} is outside 1..${e.numFrames}; give a position in that range.`);return e}function H(e){let t=e.anchors??[{position:e.position??1}];return{clips:e.clips.map(({start:e,end:t,description:n})=>({start:e-1,end:t,description:n})),anchors:t.map(({position:e,image:t})=>({frame:e-1,image:t??0})),numFrames:e.num_frames,interval:e.interval??.2,style:e.style??``,reasoning:e.reasoning??``,provenance:e.provenance??{}}}function Je(e){let t=e.anchors.map(({frame:e,image:t})=>({position:e+1,image:t}));return{version:1,...t.length===1?{position:t[0].position}:{anchors:t},num_frames:e.numFrames,interval:e.interval,...e.style?{style:e.style}:{},...e.reasoning?{reasoning:e.reasoning}:{},...Object.keys(e.provenance).length?{provenance:{...e.provenance}}:{},clips:e.clips.map(({start:e,end:t,description:n})=>({start:e+1,end:t,description:n}))}}function Ye(e,t){switch(t.type){case`move_edge`:return Xe(e,t.edge,t.frame);case`resize`:return Ze(e,t.clip,t.length);case`split`:return Qe(e,t.frame);case`merge`:return $e(e,t.first,t.last);case`remove`:return et(e,t.clip);case`move_clip`:return tt(e,t.clip,t.to);case`duplicate`:return nt(e,t.clip);case`set_description`:return rt(e,t.clip,t.description);case`set_style`:return{...e,style:t.style};case`move_anchor`:return it(e,t.frame);case`move_image`:return at(e,t.image,t.frame);case`retime`:return ot(e,t.num_frames)}}function Xe(e,t,n){let r=e.clips.length-1,i=e.clips[t],a=e.clips[t+1];if(i===void 0||a===void 0)throw new z(`There is no edge ${t+1}; the story has ${r}.`);if(n<=i.start||n>=a.end){let e=`${i.start+2}..${a.end}`;throw new z(`The edge cannot be at position ${n+1}; both clips keep a frame at ${e}.`)}let o=e.clips.with(t,{...i,end:n});return{...e,clips:o.with(t+1,{...a,start:n})}}function Ze(e,t,n){if(U(e,t),n<1)throw new z(`A clip of ${n} frames shows nothing; give 1 or more.`);let r=e.clips.map(B).with(t,n);return st(e,ct(e),r)}function Qe(e,t){let n=V(e,t),r=e.clips[n];if(r===void 0){let n=`1..${e.numFrames}`;throw new z(`Position ${t+1} is outside ${n}; split at one in that range.`)}if(r.start===t)throw new z(`A clip begins at position ${t+1} already; split at a position inside a clip.`);let i=[{...r,end:t},{...r,start:t}];return{...e,clips:e.clips.toSpliced(n,1,...i)}}function $e(e,t,n){if(U(e,t),U(e,n),t>=n)throw new z(`Clips ${t+1} and ${n+1} cannot be merged; name an earlier and a later clip.`);let r=e.clips.slice(t,n+1),i=[...new Set(r.map(e=>Ke(e.description)))],a=i.map(e=>`.!?…。`.includes(e.at(-1))?e:`${e}.`),o=i.length>1?a.join(` `):r[0].description,s={start:r[0].start,end:r.at(-1).end,description:o};return{...e,clips:e.clips.toSpliced(t,r.length,s)}}function et(e,t){let n=U(e,t);if(e.clips.length===1)throw new z(`The story has one clip only; change its text instead.`);let r=e.clips.toSpliced(t,1),i=Math.max(t-1,0),a=r[i],o={...a,start:Math.min(a.start,n.start),end:Math.max(a.end,n.end)};return{...e,clips:r.with(i,o)}}function tt(e,t,n){return U(e,t),U(e,n),st(e,ct(e).toSpliced(t,1).toSpliced(n,0,t),e.clips.map(B))}function nt(e,t){return U(e,t),st(e,ct(e).toSpliced(t+1,0,t),e.clips.map(B))}function rt(e,t,n){let r={...U(e,t),description:n};return qe({...e,clips:e.clips.with(t,r)})}function it(e,t){let[n,...r]=e.anchors;return qe({...e,anchors:[{...n,frame:t},...r]})}function at(e,t,n){let r=e.anchors.map(e=>e.image);if(!r.includes(t)){let e=r.toSorted((e,t)=>e-t).map(e=>e+1);throw new z(`The story places no image ${t+1}; it places ${e.join(`, `)}.`)}let i=e.anchors.map(e=>e.image===t?{...e,frame:n}:e);return qe({...e,anchors:i.toSorted((e,t)=>e.frame-t.frame)})}function ot(e,t){if(t===e.numFrames)return e;let n=e.clips.length;if(t<n)throw new z(`${n} clips do not fit into ${t} frames; merge clips or give ${n} frames.`);let r=0,i=e.clips.map((i,a)=>{let o=lt(i.end*t/e.numFrames),s=Math.min(Math.max(o,r+1),t-(n-a-1)),c={...i,start:r,end:s};return r=s,c}),a=e.anchors.map(n=>{let r=i[V(e,n.frame)],a=lt(n.frame*(t-1)/Math.max(1,e.numFrames-1));return{...n,frame:Math.min(Math.max(a,r.start),r.end-1)}});return{...e,clips:i,anchors:a,numFrames:t}}function st(e,t,n){let r=0,i=t.map(t=>{let i=r+n[t],a={start:r,end:i,description:e.clips[t].description};return r=i,a}),a=n=>{let r=e.clips.findIndex(e=>Ge(e,n.frame)),a=i[t.indexOf(r)],o=n.frame-e.clips[r].start;return{...n,frame:Math.min(a.start+o,a.end-1)}};return{...e,clips:i,anchors:e.anchors.map(a),numFrames:r}}function ct(e){return e.clips.map((e,t)=>t)}function U(e,t){let n=e.clips[t];if(n===void 0)throw new z(`There is no clip ${t+1}; the story has clips 1..${e.clips.length}.`);return n}function lt(e){let t=Math.floor(e);return e-t===.5?t%2==0?t:t+1:Math.round(e)}function ut(e,t){let n=Math.ceil((e-1)/t);return[{start:0,end:1},...Array.from({length:n},(e,n)=>({start:n*t+1,end:(n+1)*t+1}))]}function dt(e,t){return Math.ceil((e-1)/t)*t+1}function ft(e,t){let n=ut(e.numFrames,t).map(t=>e.clips.map(e=>mt(e,t))),r=new Map;for(let n of e.anchors.toReversed())r.set(Math.ceil(n.frame/t),V(e,n.frame));let i=n.map(e=>e.lastIndexOf(Math.max(...e))),a=e=>i.filter(t=>t===e).length;for(let[e,t]of r){let n=i[e];(a(n)>1||!i.includes(t))&&(i[e]=t)}for(let t of e.clips.keys()){if(i.includes(t))continue;let e=[...n.keys()].filter(e=>n[e][t]>0&&a(i[e])>1),o=e=>r.get(e)===i[e],[s]=e.toSorted((e,r)=>Number(o(e))-Number(o(r))||n[r][t]-n[e][t]);s!==void 0&&(i[s]=t)}return i}function pt(e,t=4){let n=ot(e,dt(e.numFrames,t)),r=new Set(ft(n,t));return[...n.clips.keys()].filter(e=>!r.has(e))}function mt(e,t){let n=Math.min(e.end,t.end)-Math.max(e.start,t.start);return Math.max(0,n)/(t.end-t.start)}function ht(e){return{past:[],present:e,future:[],group:null}}function gt(e,t,n=null){return _t(e,Ye(e.present,t),n)}function _t(e,t,n=null){return{past:n!==null&&n===e.group?e.past:[...e.past,e.present].slice(-200),present:t,future:[],group:n}}function vt(e){let t=e.past.at(-1);if(t===void 0)return e;let n=[e.present,...e.future];return{past:e.past.slice(0,-1),present:t,future:n,group:null}}function yt(e){let[t,...n]=e.future;return t===void 0?e:{past:[...e.past,e.present],present:t,future:n,group:null}}function W(e,t){return`${e/t*100}%`}function bt(e,t,n){let r=(e-t.left)/t.width;return Math.min(Math.max(Math.floor(r*n),0),n-1)}function xt(e,t,n){let r=(e-t.left)/t.width;return Math.min(Math.max(Math.round(r*n),0),n)}function St(e,t,n){return ut(t,n).map(e=>e.start).reduce((t,n)=>Math.abs(n-e)<Math.abs(t-e)?n:t)}function Ct(e,t,n){let r=e.clips[t],i=e.clips[t+1];return Math.min(Math.max(n,r.start+1),i.end-1)}function wt(e){return[1,2,4,5,8,10,20,40,50,100,200,500,1e3].find(t=>e/t<=10)??2e3}function Tt(e,t,n){return n===`frames`?String(e+1):`${(e*t).toFixed(1)} s`}var Et=o`
  :host {
    --ink: #1c1b1a;
    --soft: #5d5a56;
    --paper: #fffdf9;
    --line: #cdc7bd;
    --accent: #8a2f1c;
    --focus: #0b57d0;
    --track: #f1ece3;
    display: block;
    color: var(--ink);
    font: 15px/1.45 system-ui, sans-serif;
  }
  @media (prefers-color-scheme: dark) {
    :host {
      --ink: #f0ece5;
      --soft: #b8b1a6;
      --paper: #1d1b19;
      --line: #4b463f;
      --accent: #ff9f80;
      --focus: #8ab4f8;
      --track: #2a2724;
    }
  }
  .toolbar {
    display: flex;
    flex-wrap: wrap;
    gap: 0.35rem;
    align-items: center;
    margin-bottom: 0.6rem;
  }
  button,
  select,
  input,
  textarea {
    font: inherit;
    color: inherit;
    background: var(--paper);
    border: 1px solid var(--line);
    border-radius: 6px;
  }
  button {
    min-height: 36px;
    padding: 0 0.7rem;
    cursor: pointer;
  }
  button:disabled {
    opacity: 0.45;
    cursor: default;
  }
  button[aria-pressed="true"] {
    border-color: var(--accent);
    box-shadow: inset 0 0 0 1px var(--accent);
  }
  .length {
    margin-left: auto;
    display: flex;
    gap: 0.4rem;
    align-items: center;
  }
  .length input {
    width: 5.5rem;
    min-height: 34px;
    padding: 0 0.4rem;
  }
  :focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
  .tracks {
    position: relative;
    user-select: none;
    padding: 0 23px; /* half a pin */
  }
  .track {
    position: relative;
  }
  .ruler {
    height: 22px;
    cursor: pointer;
    touch-action: none;
  }
  .ruler span {
    position: absolute;
    font-size: 12px;
    color: var(--soft);
    border-left: 1px solid var(--line);
    padding-left: 3px;
    height: 100%;
    white-space: nowrap;
  }
  .anchors {
    height: 64px;
  }
  .pin {
    position: absolute;
    top: 0;
    width: 44px;
    height: 60px;
    margin-left: -22px;
    cursor: grab;
    touch-action: none;
    z-index: 3;
  }
  .pin .head {
    display: grid;
    place-items: center;
    width: 40px;
    height: 40px;
    box-sizing: border-box;
    margin: 0 auto;
    border: 2px solid var(--accent);
    border-radius: 6px;
    background: var(--paper) center / cover no-repeat;
    font-weight: 600;
  }
  .pin::after {
    content: "";
    position: absolute;
    left: 50%;
    top: 40px;
    height: 24px;
    border-left: 2px solid var(--accent);
    margin-left: -1px;
  }
  .ghost {
    position: absolute;
    top: 20px;
    width: 28px;
    min-height: 28px;
    height: 28px;
    padding: 0;
    margin-left: -14px;
    border: 2px dashed var(--soft);
    border-radius: 50%;
    font-size: 12px;
    z-index: 2;
  }
  .clips {
    height: 84px;
    background: var(--track);
    border-radius: 8px;
  }
  .clip {
    position: absolute;
    inset: 0 auto 0 auto;
    box-sizing: border-box;
    overflow: hidden;
    padding: 6px 8px;
    border: 1px solid var(--paper);
    border-radius: 8px;
    background: color-mix(in srgb, var(--hue) 26%, var(--paper));
    text-align: left;
    font-size: 13px;
    line-height: 1.3;
    min-height: 0;
  }
  .clip[aria-pressed="true"] {
    box-shadow: inset 0 0 0 2px var(--hue);
  }
  .clip.anchored {
    background: color-mix(in srgb, var(--hue) 46%, var(--paper));
  }
  .clip .text {
    display: -webkit-box;
    -webkit-line-clamp: 4;
    -webkit-box-orient: vertical;
    overflow: hidden;
    overflow-wrap: anywhere;
  }
  .clip.unread {
    background: repeating-linear-gradient(
      45deg,
      var(--track) 0 8px,
      color-mix(in srgb, var(--accent) 22%, var(--paper)) 8px 16px
    );
  }
  .edge {
    position: absolute;
    top: 0;
    bottom: 0;
    width: 24px;
    margin-left: -12px;
    cursor: ew-resize;
    touch-action: none;
    z-index: 2;
  }
  .edge::after {
    content: "";
    position: absolute;
    left: 50%;
    top: 14px;
    bottom: 14px;
    width: 4px;
    margin-left: -2px;
    border-radius: 2px;
    background: var(--ink);
  }
  .latent {
    height: 14px;
    margin-top: 4px;
  }
  .latent span {
    position: absolute;
    top: 0;
    bottom: 0;
    box-sizing: border-box;
    border: 1px solid var(--paper);
    background: var(--hue);
    border-radius: 3px;
  }
  .playhead {
    position: absolute;
    top: 0;
    height: 188px;
    width: 0;
    border-left: 2px solid var(--focus);
    z-index: 1;
    pointer-events: none;
  }
  .status {
    min-height: 1.5em;
    margin: 0.35rem 0 0;
    color: var(--soft);
  }
  .status.refused {
    color: var(--accent);
  }
  ol {
    list-style: none;
    margin: 0.5rem 0 0;
    padding: 0;
    display: grid;
    gap: 0.5rem;
  }
  li {
    display: grid;
    grid-template-columns: 6.5rem 1fr;
    gap: 0.6rem;
    border-left: 5px solid var(--hue);
    padding-left: 0.6rem;
  }
  li.selected {
    background: color-mix(in srgb, var(--hue) 12%, transparent);
  }
  li .span {
    font-variant-numeric: tabular-nums;
    color: var(--soft);
    font-size: 13px;
  }
  li .span strong {
    color: var(--ink);
    display: block;
    font-size: 14px;
  }
  li .warning {
    color: var(--accent);
  }
  textarea,
  .style input {
    width: 100%;
    box-sizing: border-box;
    padding: 0.4rem 0.5rem;
    field-sizing: content;
    min-height: 2.6rem;
  }
  .style {
    display: block;
    margin-top: 0.7rem;
  }
  .reasoning {
    margin: 0.7rem 0 0;
    color: var(--soft);
  }
  .hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
  }
  @media (max-width: 560px) {
    li {
      grid-template-columns: 1fr;
      gap: 0.15rem;
    }
    .clip {
      padding: 4px;
      font-size: 11px;
    }
    .length {
      margin-left: 0;
    }
  }
  @media (prefers-reduced-motion: no-preference) {
    .clip,
    .pin {
      transition: background-color 120ms;
    }
  }
`,Dt=[`#2f6f8f`,`#a4582a`,`#4b7a3a`,`#8a4f8f`,`#8a7a1f`,`#b04a5a`,`#3f7f78`,`#6a62b5`],Ot={ATTRIBUTE:1,CHILD:2,PROPERTY:3,BOOLEAN_ATTRIBUTE:4,EVENT:5,ELEMENT:6},kt=e=>(...t)=>({_$litDirective$:e,values:t}),At=class{constructor(e){}get _$AU(){return this._$AM._$AU}_$AT(e,t,n){this._$Ct=e,this._$AM=t,this._$Ci=n}_$AS(e,t){return this.update(e,t)}update(e,t){return this.render(...t)}},G=kt(class extends At{constructor(e){if(super(e),e.type!==Ot.ELEMENT)throw Error(`styled() stands in an element's tag.`)}update(e,[t]){let{style:n}=e.element;for(let[e,r]of Object.entries(t))n.setProperty(e,r);return T}render(e){return T}});function K(e,t,n,r){var i=arguments.length,a=i<3?t:r===null?r=Object.getOwnPropertyDescriptor(t,n):r,o;if(typeof Reflect==`object`&&typeof Reflect.decorate==`function`)a=Reflect.decorate(e,t,n,r);else for(var s=e.length-1;s>=0;s--)(o=e[s])&&(a=(i<3?o(a):i>3?o(t,n,a):o(t,n))||a);return i>3&&a&&Object.defineProperty(t,n,a),a}var q=class extends M{constructor(...e){super(...e),this.images=[],this.candidates=[],this.stride=4,this.canRetell=!1,this.history=null,this.frame=0,this.selected=0,this.snaps=!0,this.units=`frames`,this.status=``,this.refused=!1,this.drags=0}static{this.styles=Et}get value(){return this.history&&Je(this.history.present)}set value(e){this.history=e&&ht(H(e)),this.selected=0,this.frame=Math.min(this.frame,(e?.num_frames??1)-1),this.say(``)}get playhead(){return this.frame}set playhead(e){let t=(this.history?.present.numFrames??1)-1;this.frame=Math.min(Math.max(Math.round(e),0),t)}replace(e){this.history=this.history?_t(this.history,H(e)):ht(H(e)),this.settle(`The story was told anew.`)}undo(){this.travel(vt,`Undone.`)}redo(){this.travel(yt,`Done again.`)}edit(e,t=null){if(this.history===null)return!1;let n=this.history.present;try{this.history=gt(this.history,e,t)}catch(e){if(!(e instanceof z))throw e;return this.say(e.message,!0),!1}return this.settle(Nt(e,n,this.history.present)),!0}travel(e,t){if(this.history===null)return;let n=e(this.history);n!==this.history&&(this.history=n,this.settle(t))}settle(e){let{clips:t,numFrames:n}=this.history.present;this.selected=Math.min(this.selected,t.length-1),this.frame=Math.min(this.frame,n-1),this.say(e),this.dispatchEvent(new CustomEvent(`change`,{detail:this.value,bubbles:!0,composed:!0}))}say(e,t=!1){this.status=e,this.refused=t}moveEdge(e,t,n){let r=this.history.present,i=Ct(r,e,t);r.clips[e].end!==i&&this.edit({type:`move_edge`,edge:e,frame:i},n)}moveAnchor(e,t,n){let{anchors:r}=this.history.present;if(r.find(t=>t.image===e)?.frame!==t){let i=r.length===1;this.edit(i?{type:`move_anchor`,frame:t}:{type:`move_image`,image:e,frame:t},n)}}moveClip(e,t){let n=e+t;n>=0&&n<this.history.present.clips.length&&this.edit({type:`move_clip`,clip:e,to:n})&&(this.selected=n,this.focusClip(n))}focusClip(e){this.updateComplete.then(()=>{this.renderRoot.querySelectorAll(`.clip`)[e]?.focus()})}setPlayhead(e){this.playhead=e,this.dispatchEvent(new CustomEvent(`playhead`,{detail:this.frame,bubbles:!0,composed:!0}))}drag(e,t){if(e.button!==0)return;e.preventDefault();let n=e.currentTarget,r=`drag ${++this.drags}`;n.focus(),n.setPointerCapture(e.pointerId);let i=e=>t(e,r),a=()=>{n.removeEventListener(`pointermove`,i),n.removeEventListener(`pointerup`,a),n.removeEventListener(`pointercancel`,a)};n.addEventListener(`pointermove`,i),n.addEventListener(`pointerup`,a),n.addEventListener(`pointercancel`,a)}dragEdge(e,t){let n=this.history.present;this.drag(e,(e,r)=>{let i=this.track.getBoundingClientRect();if(e.shiftKey){let a=xt(e.clientX,i,n.numFrames),o=Math.max(a-n.clips[t].start,1);o!==B(this.history.present.clips[t])&&this.edit({type:`resize`,clip:t,length:o},r);return}let{numFrames:a}=this.history.present,o=xt(e.clientX,i,a);this.moveEdge(t,this.snaps?St(o,a,this.stride):o,r)})}edgeKey(e,t){let n=this.history.present,r=n.clips[t].end,i=this.stepOf(e);if(i!==null){if(e.preventDefault(),e.shiftKey){let e=B(n.clips[t])+Math.sign(i)*this.stride;this.edit({type:`resize`,clip:t,length:Math.max(e,1)},`resize ${t}`)}else this.moveEdge(t,r+i,`nudge edge ${t}`)}}anchorKey(e,t){let n=this.stepOf(e);if(n!==null){e.preventDefault();let{numFrames:r}=this.history.present,i=Math.min(Math.max(t.frame+n,0),r-1);this.moveAnchor(t.image,i,`nudge image ${t.image}`)}}playheadKey(e){let t=this.stepOf(e);t!==null&&(e.preventDefault(),this.setPlayhead(this.frame+t))}stepOf(e){let t={ArrowLeft:-1,ArrowDown:-1,ArrowRight:1,ArrowUp:1,PageDown:-this.stride,PageUp:this.stride,Home:-1/0,End:1/0};return e.ctrlKey||e.metaKey||e.altKey?null:t[e.key]??null}clipKey(e,t){let n=!e.ctrlKey&&!e.metaKey,r=this.history.present.clips.length,i={Delete:()=>this.edit({type:`remove`,clip:t}),Backspace:()=>this.edit({type:`remove`,clip:t}),s:()=>this.splitAtPlayhead(),m:()=>this.mergeWithNext(t),d:()=>this.edit({type:`duplicate`,clip:t}),Enter:()=>this.focusText(t),ArrowLeft:()=>e.altKey?this.moveClip(t,-1):this.focusClip(Math.max(t-1,0)),ArrowRight:()=>e.altKey?this.moveClip(t,1):this.focusClip(Math.min(t+1,r-1))}[e.key];n&&i&&(e.preventDefault(),i())}shortcut(e){let t=e.composedPath()[0]instanceof HTMLTextAreaElement;if(!(e.ctrlKey||e.metaKey)||t)return;let n=e.key.toLowerCase();(n===`z`||n===`y`)&&(e.preventDefault(),n===`y`||e.shiftKey?this.redo():this.undo())}splitAtPlayhead(){this.edit({type:`split`,frame:this.frame})}mergeWithNext(e){this.edit({type:`merge`,first:e,last:e+1})}focusText(e){this.renderRoot.querySelectorAll(`li textarea`)[e]?.focus()}render(){if(this.history===null)return T;let e=this.history.present;return C`
      <div @keydown=${this.shortcut} role="group" aria-label="Timeline">
        ${this.toolbar(e)}
        <div class="tracks">
          ${this.ruler(e)} ${this.anchorTrack(e)} ${this.clipTrack(e)} ${this.latentTrack(e)}
        </div>
        <p class="status ${this.refused?`refused`:``}" role="status">${this.status}</p>
        ${this.texts(e)}
        <label class="style">
          Style, for the whole video
          <input .value=${e.style} @change=${e=>this.setStyle(e)} />
        </label>
        ${e.reasoning?C`<p class="reasoning">Why: ${e.reasoning}</p>`:T}
      </div>
    `}toolbar(e){let{past:t,future:n}=this.history,r=this.selected,i=e.clips.length===1,a=r===e.clips.length-1,o=e.clips.some(e=>e.start===this.frame);return C`
      <div class="toolbar" role="toolbar" aria-label="Edits">
        <button ?disabled=${!t.length} @click=${()=>this.undo()}>Undo</button>
        <button ?disabled=${!n.length} @click=${()=>this.redo()}>Redo</button>
        <button ?disabled=${o} @click=${()=>this.splitAtPlayhead()}>Split at playhead</button>
        <button ?disabled=${a} @click=${()=>this.mergeWithNext(r)}>Merge with next</button>
        <button ?disabled=${i} @click=${()=>this.edit({type:`remove`,clip:r})}>Remove clip</button>
        <button @click=${()=>this.edit({type:`duplicate`,clip:r})}>Duplicate</button>
        <button ?disabled=${r===0} @click=${()=>this.moveClip(r,-1)}>Earlier</button>
        <button ?disabled=${a} @click=${()=>this.moveClip(r,1)}>Later</button>
        <button aria-pressed=${this.snaps} @click=${()=>this.snaps=!this.snaps}>Snap</button>
        <button @click=${()=>this.units=this.units===`frames`?`seconds`:`frames`}>
          ${this.units===`frames`?`Seconds`:`Frames`}
        </button>
        <label class="length">
          Frames
          <input
            type="number"
            min=${e.clips.length}
            max="10000"
            step="1"
            .value=${String(e.numFrames)}
            @change=${e=>this.setLength(e)}
          />
        </label>
      </div>
    `}ruler(e){let t=wt(e.numFrames),n=Array.from({length:Math.ceil(e.numFrames/t)},(e,n)=>n*t),r=t=>{this.setPlayhead(bt(t.clientX,this.track.getBoundingClientRect(),e.numFrames))};return C`
      <div
        class="track ruler"
        role="slider"
        tabindex="0"
        aria-label="Playhead"
        aria-valuemin="1"
        aria-valuemax=${e.numFrames}
        aria-valuenow=${this.frame+1}
        aria-valuetext=${this.place(this.frame)}
        @keydown=${this.playheadKey}
        @pointerdown=${e=>{r(e),this.drag(e,r)}}
      >
        ${n.map(t=>C`<span ${G({left:W(t,e.numFrames)})}>
              ${Tt(t,e.interval,this.units)}
            </span>`)}
        <div class="playhead" ${G({left:W(this.frame+.5,e.numFrames)})}></div>
      </div>
    `}anchorTrack(e){let t=new Set(e.anchors.map(e=>e.frame));return C`
      <div class="track anchors">
        ${this.candidates.filter(n=>!t.has(n.position-1)&&n.position<=e.numFrames).map((t,n)=>this.ghostPin(t,n,e))}
        ${jt(e).map(t=>this.pin(t,e))}
      </div>
    `}ghostPin(e,t,n){let r=e.reasoning?`: ${e.reasoning}`:``;return C`
      <button
        class="ghost"
        ${G({left:W(e.position-.5,n.numFrames)})}
        title="Frame ${e.position}${r}"
        aria-label="Idea ${t+2}: place the image at frame ${e.position}${r}"
        @click=${()=>this.edit({type:`move_anchor`,frame:e.position-1})}
      >
        ${t+2}
      </button>
    `}pin(e,t){let{frame:n,image:r}=e,i=this.images[r],a=(e,t)=>{let{numFrames:n}=this.history.present;this.moveAnchor(r,bt(e.clientX,this.track.getBoundingClientRect(),n),t)};return C`
      <div
        class="pin"
        ${G({left:W(n+.5,t.numFrames)})}
        role="slider"
        tabindex="0"
        aria-label=${t.anchors.length>1?`Image ${r+1}`:`Image`}
        aria-valuemin="1"
        aria-valuemax=${t.numFrames}
        aria-valuenow=${n+1}
        aria-valuetext=${this.place(n)}
        @keydown=${t=>this.anchorKey(t,e)}
        @pointerdown=${e=>this.drag(e,a)}
      >
        <div class="head" ${G({"background-image":i?`url("${i}")`:`none`})}>
          ${i?T:n+1}
        </div>
      </div>
    `}clipTrack(e){let t=new Set(pt(e,this.stride)),n=new Set(e.anchors.map(t=>V(e,t.frame)));return C`
      <div class="track clips">
        ${e.clips.map((r,i)=>C`
            <button
              class="clip ${n.has(i)?`anchored`:``} ${t.has(i)?`unread`:``}"
              ${G({left:W(r.start,e.numFrames),width:W(B(r),e.numFrames),"--hue":Mt(i)})}
              aria-pressed=${i===this.selected}
              aria-label="Clip ${i+1}, frames ${r.start+1} to ${r.end}: ${r.description}"
              @click=${()=>this.selected=i}
              @focus=${()=>this.selected=i}
              @dblclick=${()=>this.focusText(i)}
              @keydown=${e=>this.clipKey(e,i)}
            >
              <span class="text">${r.description}</span>
            </button>
          `)}
        ${e.clips.slice(1).map((t,n)=>this.edgeHandle(n,t.start,e))}
      </div>
    `}edgeHandle(e,t,n){let r=n.clips[e],i=n.clips[e+1];return C`
      <div
        class="edge"
        ${G({left:W(t,n.numFrames)})}
        role="slider"
        tabindex="0"
        aria-label="Edge between clips ${e+1} and ${e+2}"
        aria-valuemin=${r.start+2}
        aria-valuemax=${i.end}
        aria-valuenow=${t+1}
        aria-valuetext="Clip ${e+2} begins at ${this.place(t)}"
        @keydown=${t=>this.edgeKey(t,e)}
        @pointerdown=${t=>this.dragEdge(t,e)}
      ></div>
    `}latentTrack(e){let t=dt(e.numFrames,this.stride),n=ft(ot(e,t),this.stride);return C`
      <div class="track latent" title="Latent frames, in the colour of the clip that each reads" aria-hidden="true">
        ${ut(t,this.stride).map(({start:e,end:r},i)=>C`
            <span
              ${G({left:W(e,t),width:W(r-e,t),"--hue":Mt(n[i])})}
            ></span>
          `)}
      </div>
    `}texts(e){let t=new Set(pt(e,this.stride));return C`
      <ol>
        ${e.clips.map((n,r)=>C`
            <li class=${r===this.selected?`selected`:``} ${G({"--hue":Mt(r)})}>
              <div class="span">
                <strong>Clip ${r+1}</strong>
                ${Tt(n.start,e.interval,this.units)} to ${Tt(n.end-1,e.interval,this.units)}
                ${t.has(r)?C`<div class="warning">Too short: no latent frame reads it, so it will not be seen.</div>`:T}
                ${this.canRetell?C`<div><button @click=${()=>this.retell(r)}>Tell again</button></div>`:T}
              </div>
              <textarea
                aria-label="What clip ${r+1} shows"
                .value=${n.description}
                @focus=${()=>this.selected=r}
                @input=${e=>this.setDescription(e,r)}
              ></textarea>
            </li>
          `)}
      </ol>
    `}retell(e){this.dispatchEvent(new CustomEvent(`retell`,{detail:e,bubbles:!0,composed:!0}))}setDescription(e,t){let n=e.target.value;Ke(n)?this.edit({type:`set_description`,clip:t,description:n},`text ${t}`):this.say(`Clip ${t+1} keeps its text until you write another.`,!0)}setStyle(e){this.edit({type:`set_style`,style:e.target.value})}setLength(e){let t=e.target,n=Number(t.value),{numFrames:r}=this.history.present;!Number.isInteger(n)||n<1||n>1e4?(this.say(`${t.value||`Nothing`} is no number of frames; give 1 to 10,000.`,!0),t.value=String(r)):this.edit({type:`retime`,num_frames:dt(n,this.stride)})||(t.value=String(r))}place(e){let{interval:t}=this.history.present;return this.units===`frames`?`frame ${e+1}`:`${(e*t).toFixed(1)} seconds`}};K([P({attribute:!1})],q.prototype,`images`,void 0),K([P({attribute:!1})],q.prototype,`candidates`,void 0),K([P({type:Number})],q.prototype,`stride`,void 0),K([P({type:Boolean,attribute:`can-retell`})],q.prototype,`canRetell`,void 0),K([F()],q.prototype,`history`,void 0),K([F()],q.prototype,`frame`,void 0),K([F()],q.prototype,`selected`,void 0),K([F()],q.prototype,`snaps`,void 0),K([F()],q.prototype,`units`,void 0),K([F()],q.prototype,`status`,void 0),K([F()],q.prototype,`refused`,void 0),K([I(`.clips`)],q.prototype,`track`,void 0),q=K([N(`reasondiff-timeline`)],q);function jt(e){return e.anchors.toSorted((e,t)=>e.image-t.image)}function Mt(e){return Dt[e%Dt.length]}function Nt(e,t,n){return e.type===`set_description`?``:n.numFrames===t.numFrames?e.type===`move_edge`?`Clip ${e.edge+2} begins at frame ${e.frame+1}.`:e.type===`move_anchor`||e.type===`move_image`?`The image is at frame ${e.frame+1}.`:`The story has ${n.clips.length} clips.`:`The story has ${n.numFrames} frames now.`}var J=o`
  :host {
    display: block;
    color: var(--ink);
  }
  h2 {
    font-size: 1.05rem;
    margin: 0 0 0.6rem;
  }
  p {
    margin: 0.4rem 0;
  }
  label {
    display: block;
  }
  button,
  input,
  select,
  textarea {
    font: inherit;
    color: inherit;
    background: var(--paper);
    border: 1px solid var(--line);
    border-radius: 6px;
  }
  a.button {
    display: inline-grid;
    place-items: center;
    color: inherit;
    border: 1px solid var(--line);
    border-radius: 6px;
    text-decoration: none;
  }
  button,
  a.button {
    min-height: 38px;
    padding: 0 0.8rem;
    cursor: pointer;
  }
  button.main {
    background: var(--accent);
    border-color: var(--accent);
    color: var(--on-accent);
    font-weight: 600;
  }
  button:disabled {
    opacity: 0.5;
    cursor: default;
  }
  input,
  textarea {
    box-sizing: border-box;
    padding: 0.45rem 0.55rem;
    min-height: 38px;
  }
  :focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    gap: 0.6rem;
    align-items: end;
  }
  .soft {
    color: var(--soft);
  }
  .error {
    color: var(--accent);
    font-weight: 600;
  }
`,Y=class extends M{constructor(...e){super(...e),this.picture=``,this.prompt=``,this.telling=!1,this.problem=``,this.over=!1}static{this.styles=[J,o`
      .form {
        display: grid;
        grid-template-columns: minmax(150px, 220px) 1fr;
        gap: 1rem;
      }
      .drop {
        position: relative;
        display: grid;
        place-items: center;
        min-height: 160px;
        border: 2px dashed var(--line);
        border-radius: 10px;
        text-align: center;
        padding: 0.5rem;
        cursor: pointer;
        background: var(--track);
      }
      .drop.over,
      .drop:focus-within {
        border-color: var(--focus);
      }
      .drop img {
        max-width: 100%;
        max-height: 220px;
        border-radius: 6px;
        min-width: 96px;
        image-rendering: auto;
      }
      .drop input {
        position: absolute;
        inset: 0;
        opacity: 0;
        cursor: pointer;
        min-height: 0;
        width: 100%;
        height: 100%;
      }
      textarea {
        width: 100%;
        min-height: 84px;
        margin-top: 0.25rem;
      }
      @media (max-width: 560px) {
        .form {
          grid-template-columns: 1fr;
        }
      }
    `]}render(){return C`
      <div class="form">
        <label
          class="drop ${this.over?`over`:``}"
          @dragover=${this.dragOver}
          @dragleave=${()=>this.over=!1}
          @drop=${this.drop}
        >
          ${this.picture?C`<img src=${this.picture} alt="The condition image" />`:C`<span>Drop an image here,<br />or an MP4 or story to restore</span>`}
          <input
            type="file"
            aria-label="Image, or an MP4 or story file to restore"
            accept="image/png,image/jpeg,image/webp,video/mp4,application/json,.json"
            @change=${this.choose}
          />
        </label>
        <div>
          <label>
            What happens? It need not describe the image's moment.
            <textarea
              maxlength="4000"
              placeholder="A cat plays in the room"
              .value=${this.prompt}
              @input=${e=>this.send(`prompt`,e.target.value)}
            ></textarea>
          </label>
          <p class="row">
            <button class="main" ?disabled=${!this.picture||this.telling} @click=${()=>this.send(`tell`,null)}>
              ${this.telling?`The narrator thinks …`:`Tell the story`}
            </button>
          </p>
          ${this.problem?C`<p class="error" role="alert">${this.problem}</p>`:T}
        </div>
      </div>
    `}dragOver(e){e.preventDefault(),this.over=!0}drop(e){e.preventDefault(),this.over=!1,this.take(e.dataTransfer?.files[0])}choose(e){let t=e.target;this.take(t.files?.[0]),t.value=``}take(e){e&&this.send(e.type.startsWith(`image/`)?`image`:`restore`,e)}send(e,t){this.dispatchEvent(new CustomEvent(e,{detail:t}))}};K([P()],Y.prototype,`picture`,void 0),K([P()],Y.prototype,`prompt`,void 0),K([P({type:Boolean})],Y.prototype,`telling`,void 0),K([P()],Y.prototype,`problem`,void 0),K([F()],Y.prototype,`over`,void 0),Y=K([N(`story-form`)],Y);var X=class extends M{constructor(...e){super(...e),this.videos=[],this.pictures=new Map,this.shown=[]}static{this.styles=[J,o`
      ul {
        list-style: none;
        margin: 0;
        padding: 0;
        display: grid;
        gap: 0.6rem;
      }
      li {
        display: grid;
        grid-template-columns: 96px 1fr;
        gap: 0.8rem;
        padding: 0.6rem;
        border: 1px solid var(--line);
        border-radius: 10px;
      }
      li.shown {
        border-color: var(--accent);
        box-shadow: inset 0 0 0 1px var(--accent);
      }
      .picture {
        width: 96px;
        height: 72px;
        object-fit: contain;
        background: var(--track);
        border-radius: 6px;
      }
      .prompt {
        margin: 0 0 0.15rem;
        overflow-wrap: anywhere;
      }
      progress {
        width: 100%;
        accent-color: var(--accent);
      }
      .row {
        gap: 0.35rem;
        margin-top: 0.4rem;
      }
      button {
        min-height: 34px;
        padding: 0 0.6rem;
        font-size: 14px;
      }
    `]}render(){return this.videos.length?C`<ul>
      ${this.videos.map(e=>this.row(e))}
    </ul>`:C`<p class="soft">No videos yet.</p>`}row(e){let t=this.pictures.get(e.id),n=e.status===`completed`,r=e.status===`queued`;return C`
      <li class=${this.shown.includes(e.id)?`shown`:``} data-id=${e.id} data-status=${e.status}>
        ${t?C`<img class="picture" src=${t} alt="" />`:C`<div class="picture" aria-hidden="true"></div>`}
        <div>
          <p class="prompt">${e.prompt||`No text`}</p>
          <p class="soft">${Pt(e)}</p>
          ${R(e)?T:C`<progress max="100" value=${e.progress} aria-label="Progress"></progress>`}
          ${e.error?C`<p class="error">${e.error.message}</p>`:T}
          <div class="row">
            ${n?this.button(`play`,`Play`,e):T}
            ${n?this.button(`compare`,`Compare`,e):T}
            ${this.button(`restore`,`Use its story`,e)} ${this.button(`duplicate`,`Once more`,e)}
            ${r?this.button(`sooner`,`Sooner`,e):T}
            ${r?this.button(`later`,`Later`,e):T}
            ${R(e)?this.button(`remove`,`Delete`,e):this.button(`cancel`,`Stop`,e)}
          </div>
        </div>
      </li>
    `}button(e,t,n){return C`<button @click=${()=>{let t={action:e,video:n};this.dispatchEvent(new CustomEvent(`take`,{detail:t}))}}>${t}</button>`}};K([P({attribute:!1})],X.prototype,`videos`,void 0),K([P({attribute:!1})],X.prototype,`pictures`,void 0),K([P({attribute:!1})],X.prototype,`shown`,void 0),X=K([N(`take-list`)],X);function Pt(e){let t=e.reasondiff??{},n=t.seed===null||t.seed===void 0?``:` (seed ${t.seed})`;switch(e.status){case`queued`:return t.queue_position?`Waiting, ${t.queue_position} before it${n}`:`Next in the queue${n}`;case`in_progress`:{let e=t.step&&t.steps?` ${t.step} of ${t.steps}`:``,r=t.eta_s?`, ${Ft(t.eta_s)} left`:``;return`${It(t.stage??`starting`)}${e}${r}${n}`}case`completed`:return`Done${n}`;default:return e.error?.code===`cancelled`?`Stopped${n}`:`Failed${n}`}}function Ft(e){let t=Math.max(1,Math.round(e));return t<90?`${t} s`:`${Math.round(t/60)} min`}function It(e){return e.charAt(0).toUpperCase()+e.slice(1)}var Z=class extends M{constructor(...e){super(...e),this.shown=[],this.preview=``,this.wipe=50,this.playing=!1,this.aspect=`16 / 9`,this.watching=0}static{this.styles=[J,o`
      .stage {
        position: relative;
        display: grid;
        background: #000;
        border-radius: 10px;
        overflow: hidden;
        max-height: 70vh;
        aspect-ratio: var(--aspect, 16 / 9);
        margin: 0 auto;
        width: min(100%, 720px);
      }
      video,
      .stage img {
        grid-area: 1 / 1;
        width: 100%;
        height: 100%;
        object-fit: contain;
      }
      .second {
        clip-path: inset(0 0 0 var(--wipe));
        background: #000;
      }
      .line {
        position: absolute;
        top: 0;
        bottom: 0;
        left: var(--wipe);
        border-left: 2px solid #fff;
        pointer-events: none;
      }
      input[type="range"] {
        width: 100%;
        padding: 0;
      }
      .row {
        margin-top: 0.5rem;
      }
    `]}seek(e){for(let t of[this.first,this.second])t&&Number.isFinite(t.duration)&&(t.currentTime=Math.min(e,.9999)*t.duration)}disconnectedCallback(){super.disconnectedCallback(),cancelAnimationFrame(this.watching)}render(){let[e,t]=this.shown;return!e&&!this.preview?C`<p class="soft">The video will be here.</p>`:C`
      <div class="stage" ${G({"--wipe":`${this.wipe}%`,"--aspect":this.aspect})}>
        ${e?C`<video
              class="first"
              src=${e.url}
              muted
              loop
              playsinline
              aria-label=${e.label}
              @loadedmetadata=${this.loaded}
              @play=${this.began}
              @pause=${()=>this.playing=!1}
            ></video>`:C`<img src=${this.preview} alt="The video as it is so far" @load=${this.pictured} />`}
        ${t?C`<video class="second" src=${t.url} muted loop playsinline aria-label=${t.label}></video>
              <div class="line"></div>`:T}
      </div>
      ${e?this.controls(e,t):C`<p class="soft">As it is so far.</p>`}
    `}controls(e,t){return C`
      <div class="row">
        <button @click=${this.toggle}>${this.playing?`Pause`:`Play`}</button>
        <a class="button" href=${e.url} download="reasondiff-${e.id}.mp4">Save MP4</a>
        <span class="soft">${t?`${e.label} | ${t.label}`:e.label}</span>
      </div>
      ${t?C`<label>
            Wipe
            <input
              type="range"
              min="0"
              max="100"
              .value=${String(this.wipe)}
              @input=${e=>this.wipe=Number(e.target.value)}
            />
          </label>`:T}
    `}loaded(e){let t=e.target;this.aspect=`${t.videoWidth} / ${t.videoHeight}`,matchMedia(`(prefers-reduced-motion: reduce)`).matches||t.play().catch(()=>void 0)}pictured(e){let t=e.target;this.aspect=`${t.naturalWidth} / ${t.naturalHeight}`}began(){this.playing=!0,this.second?.play().catch(()=>void 0),this.follow()}toggle(){this.playing?(this.first?.pause(),this.second?.pause()):this.first?.play()}follow(){cancelAnimationFrame(this.watching);let{first:e,second:t}=this;e&&!e.paused&&(t&&Math.abs(t.currentTime-e.currentTime)>.05&&(t.currentTime=e.currentTime),e.duration&&this.dispatchEvent(new CustomEvent(`frame`,{detail:e.currentTime/e.duration})),this.watching=requestAnimationFrame(()=>this.follow()))}};K([P({attribute:!1})],Z.prototype,`shown`,void 0),K([P()],Z.prototype,`preview`,void 0),K([F()],Z.prototype,`wipe`,void 0),K([F()],Z.prototype,`playing`,void 0),K([F()],Z.prototype,`aspect`,void 0),K([I(`video.first`)],Z.prototype,`first`,void 0),K([I(`video.second`)],Z.prototype,`second`,void 0),Z=K([N(`take-player`)],Z);var Lt=`reasondiff.key`,Rt=`reasondiff.draft`,zt=2e3,Q=class extends M{constructor(...e){super(...e),this.models=[],this.image=null,this.picture=``,this.prompt=``,this.narrative=null,this.candidates=[],this.telling=!1,this.problem=``,this.makeProblem=``,this.seed=0,this.seedLocked=!1,this.steps=null,this.count=1,this.videos=[],this.pictures=new Map,this.shown=[],this.preview=``,this.locked=!1,this.offline=!1,this.client=new Ie(`v1`,()=>sessionStorage.getItem(Lt)),this.watched=new Map,this.poll=0,this.turn=Promise.resolve()}static{this.styles=[J,o`
      main {
        display: grid;
        gap: 1rem;
        max-width: 1100px;
        margin: 0 auto;
        padding: 0.8rem;
      }
      header {
        display: flex;
        flex-wrap: wrap;
        align-items: baseline;
        gap: 0.3rem 1rem;
      }
      h1 {
        font-size: 1.35rem;
        margin: 0;
      }
      section {
        background: var(--card);
        border: 1px solid var(--line);
        border-radius: 12px;
        padding: 0.9rem;
        min-width: 0;
      }
      .two {
        display: grid;
        grid-template-columns: 1fr 1fr;
        gap: 1rem;
        align-items: start;
      }
      .number input {
        width: 8.5rem;
      }
      .check {
        display: flex;
        gap: 0.4rem;
        align-items: center;
        min-height: 38px;
      }
      .check input {
        min-height: 0;
      }
      @media (max-width: 860px) {
        .two {
          grid-template-columns: 1fr;
        }
      }
    `]}connectedCallback(){super.connectedCallback(),this.begin()}disconnectedCallback(){super.disconnectedCallback(),clearTimeout(this.poll),this.watched.forEach(e=>e.abort())}async begin(){await this.restoreDraft(),await this.refresh()}async refresh(){clearTimeout(this.poll);try{this.models.length||(this.models=await this.client.models()),this.videos=await this.client.list(),this.offline=!1,this.locked=!1;for(let e of this.videos)this.watch(e),this.fetchPicture(e)}catch(e){this.locked=e instanceof L&&e.status===401,this.offline=!this.locked}this.poll=window.setTimeout(()=>void this.refresh(),zt)}watch(e){if(R(e)||e.status===`queued`||this.watched.has(e.id))return;let t=new AbortController;this.watched.set(e.id,t),this.follow(e.id,t.signal).finally(()=>this.watched.delete(e.id))}async follow(e,t){for await(let n of this.client.events(e,t))this.videos=this.videos.map(t=>t.id===e?{...t,...n}:t),n.reasondiff?.variants?.includes(`preview`)&&!R(n)&&!this.shown.length&&await this.fetchPreview(e),n.status===`completed`&&(await this.fetchPicture(n),await this.play(n))}async fetchPreview(e){let t=await this.client.content(e,`preview`).catch(()=>null);t?.size&&(URL.revokeObjectURL(this.preview),this.preview=URL.createObjectURL(t))}async fetchPicture(e){if(e.status!==`completed`||this.pictures.has(e.id))return;this.pictures=new Map(this.pictures).set(e.id,``);let t=await this.client.content(e.id,`thumbnail`).catch(()=>null);t&&(this.pictures=new Map(this.pictures).set(e.id,URL.createObjectURL(t)))}async takeImage(e){this.image=e,this.picture=await Ut(e),this.candidates=[],this.problem=``,this.keepDraft()}async restore(e){this.problem=``;try{if(e.name.endsWith(`.json`)||e.type===`application/json`){this.setNarrative(JSON.parse(await e.text()));return}let t=await Ue(e);if(t===null){this.problem=`${e.name} holds no story; give a video that ReasonDiff made, or a narrative file.`;return}this.prompt=t.prompt,this.seed=t.seed,this.seedLocked=!0,t.image&&await this.takeImage($(t.image)),this.setNarrative(t.narrative)}catch{this.problem=`${e.name} cannot be read as a story; give a narrative file or a video that ReasonDiff made.`}}async tell(){if(this.image!==null){this.telling=!0,this.problem=``;try{let e=await this.client.tell(this.image,this.prompt);this.setNarrative(e.narrative,e.candidates)}catch(e){this.problem=Bt(e)}finally{this.telling=!1}}}setNarrative(e,t=[]){let n=this.narrative===null;this.narrative=e,this.candidates=t.map(e=>({position:e.position??e.anchors?.[0]?.position??1,reasoning:e.reasoning??``})),this.keepDraft(),this.updateComplete.then(()=>{n?this.timeline.value=e:this.timeline.replace(e)})}edited(e){this.narrative=e.detail,this.keepDraft()}async make(){this.makeProblem=``;for(let e=0;e<this.count&&!this.makeProblem;e++)await this.ask(this.image,this.prompt,this.narrative,this.seed+e);this.seedLocked||(this.seed+=this.count,this.keepDraft()),await this.refresh()}async ask(e,t,n,r){if(e===null)this.makeProblem=`There is no image; drop one first.`;else try{let{steps:i}=this;this.shown=[],await this.client.create({image:e,prompt:t,narrative:n,seed:r,steps:i,size:null},crypto.randomUUID())}catch(e){this.makeProblem=Bt(e)}}async take({detail:{action:e,video:t}}){this.makeProblem=``;let n=t.reasondiff?.queue_position??0;try{switch(e){case`play`:return await this.play(t);case`compare`:return await this.play(t,!0);case`restore`:return await this.useStory(t);case`duplicate`:await this.onceMore(t);break;case`cancel`:await this.client.cancel(t.id);break;case`remove`:await this.client.remove(t.id),this.shown=this.shown.filter(e=>e.id!==t.id);break;case`sooner`:await this.client.move(t.id,Math.max(n-1,0));break;case`later`:await this.client.move(t.id,n+1)}await this.refresh()}catch(e){this.makeProblem=Bt(e)}}play(e,t=!1){return this.turn=this.turn.catch(()=>void 0).then(()=>this.show(e,t)),this.turn}async show(e,t){let n=this.shown.find(t=>t.id===e.id)??await this.shownOf(e),r=this.shown.find(t=>t.id!==e.id);this.shown=t&&r?[r,n]:[n]}async shownOf(e){let t=await this.client.content(e.id,`video`),n=e.reasondiff?.seed??0;return{id:e.id,url:URL.createObjectURL(t),label:`${e.prompt||`No text`} (seed ${n})`}}async useStory(e){let t=await this.recordOf(e);this.prompt=e.prompt??``,this.seed=e.reasondiff?.seed??0,t?.image&&await this.takeImage($(t.image));let n=t?.narrative??e.reasondiff?.narrative;n&&this.setNarrative(n)}async onceMore(e){let t=await this.recordOf(e),n=t?.image?$(t.image):this.image,r=t?.narrative??e.reasondiff?.narrative??null;await this.ask(n,e.prompt??``,r,(e.reasondiff?.seed??0)+1)}async recordOf(e){return e.status===`completed`?Ue(await this.client.content(e.id,`video`)):null}keepDraft(){let e={prompt:this.prompt,narrative:this.narrative,seed:this.seed,picture:this.picture};try{localStorage.setItem(Rt,JSON.stringify(e))}catch{localStorage.setItem(Rt,JSON.stringify({...e,picture:``}))}}async restoreDraft(){let e=localStorage.getItem(Rt);if(e===null)return;let t=JSON.parse(e);this.prompt=t.prompt,this.seed=t.seed,t.picture&&(this.picture=t.picture,this.image=Ht(t.picture)),t.narrative&&this.setNarrative(t.narrative)}render(){let e=this.models[0];return C`
      <main>
        <header>
          <h1>ReasonDiff</h1>
          <span class="soft">${e?e.id:``}</span>
          ${this.offline?C`<span class="error" role="alert">The server does not answer.</span>`:T}
        </header>
        ${this.locked?this.keyForm():T}
        <section aria-labelledby="story">
          <h2 id="story">Story</h2>
          <story-form
            .picture=${this.picture}
            .prompt=${this.prompt}
            .telling=${this.telling}
            .problem=${this.problem}
            @image=${e=>this.takeImage(e.detail)}
            @restore=${e=>this.restore(e.detail)}
            @prompt=${this.setPrompt}
            @tell=${()=>this.tell()}
          ></story-form>
        </section>
        ${this.narrative?this.timelineCard(e):T}
        <section aria-labelledby="make">
          <h2 id="make">Video</h2>
          ${this.makeForm(e)}
        </section>
        <div class="two">
          <section aria-labelledby="player">
            <h2 id="player">Player</h2>
            <take-player .shown=${this.shown} .preview=${this.preview} @frame=${this.follows}></take-player>
          </section>
          <section aria-labelledby="takes">
            <h2 id="takes">Queue and takes</h2>
            <take-list
              .videos=${this.videos}
              .pictures=${this.pictures}
              .shown=${this.shown.map(e=>e.id)}
              @take=${e=>this.take(e)}
            ></take-list>
          </section>
        </div>
      </main>
    `}timelineCard(e){return C`
      <section aria-labelledby="timeline">
        <h2 id="timeline">Timeline</h2>
        <reasondiff-timeline
          .images=${this.picture?[this.picture]:[]}
          .candidates=${this.candidates}
          .stride=${e?.reasondiff?.stride??4}
          @change=${this.edited}
          @playhead=${this.seeks}
        ></reasondiff-timeline>
        <p class="row"><button @click=${this.saveStory}>Save story</button></p>
      </section>
    `}makeForm(e){let t=e?.reasondiff?.seconds_per_video,n=this.videos.filter(e=>!R(e)).length,r=t?`about ${Ft(t*(this.count+n))}`:``,i=this.narrative?.num_frames??e?.reasondiff?.num_frames;return C`
      <div class="row">
        <label class="number">
          Seed
          <input
            type="number"
            min="0"
            max="4294967295"
            .value=${String(this.seed)}
            @change=${e=>this.setSeed(e)}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            .checked=${this.seedLocked}
            @change=${e=>this.seedLocked=e.target.checked}
          />
          Keep it
        </label>
        <label class="number">
          Steps
          <input
            type="number"
            min="1"
            max="1000"
            placeholder=${e?.reasondiff?.num_inference_steps??``}
            .value=${this.steps===null?``:String(this.steps)}
            @change=${e=>this.setSteps(e)}
          />
        </label>
        <label class="number">
          Videos
          <input
            type="number"
            min="1"
            max="8"
            .value=${String(this.count)}
            @change=${e=>this.count=Vt(Number(e.target.value),1,8)}
          />
        </label>
        <button class="main" ?disabled=${this.image===null} @click=${()=>this.make()}>Make the video</button>
      </div>
      <p class="soft">
        ${i?`${i} frames. `:``}${r?`${n?`With ${n} before it, ${r}`:It(r)}.`:``}
        ${this.narrative?``:`Without a story, the narrator tells one first.`}
      </p>
      ${this.makeProblem?C`<p class="error" role="alert">${this.makeProblem}</p>`:T}
    `}keyForm(){return C`
      <section>
        <form class="row" @submit=${e=>{e.preventDefault();let t=new FormData(e.target);sessionStorage.setItem(Lt,String(t.get(`key`))),this.refresh()}}>
          <label>This server asks for a key <input name="key" type="password" autocomplete="off" required /></label>
          <button>Go on</button>
        </form>
      </section>
    `}setPrompt(e){this.prompt=e.detail,this.keepDraft()}setSeed(e){this.seed=Vt(Number(e.target.value),0,2**32-1),this.keepDraft()}setSteps(e){let{value:t}=e.target;this.steps=t?Vt(Number(t),1,1e3):null}follows(e){this.timeline&&this.narrative&&(this.timeline.playhead=Math.floor(e.detail*this.narrative.num_frames))}seeks(e){this.narrative&&this.player.seek((e.detail+.5)/this.narrative.num_frames)}saveStory(){let e=document.createElement(`a`),t=new Blob([JSON.stringify(this.narrative,null,2)+`
`],{type:`application/json`});e.href=URL.createObjectURL(t),e.download=`story.json`,e.click(),URL.revokeObjectURL(e.href)}};K([F()],Q.prototype,`models`,void 0),K([F()],Q.prototype,`image`,void 0),K([F()],Q.prototype,`picture`,void 0),K([F()],Q.prototype,`prompt`,void 0),K([F()],Q.prototype,`narrative`,void 0),K([F()],Q.prototype,`candidates`,void 0),K([F()],Q.prototype,`telling`,void 0),K([F()],Q.prototype,`problem`,void 0),K([F()],Q.prototype,`makeProblem`,void 0),K([F()],Q.prototype,`seed`,void 0),K([F()],Q.prototype,`seedLocked`,void 0),K([F()],Q.prototype,`steps`,void 0),K([F()],Q.prototype,`count`,void 0),K([F()],Q.prototype,`videos`,void 0),K([F()],Q.prototype,`pictures`,void 0),K([F()],Q.prototype,`shown`,void 0),K([F()],Q.prototype,`preview`,void 0),K([F()],Q.prototype,`locked`,void 0),K([F()],Q.prototype,`offline`,void 0),K([I(`reasondiff-timeline`)],Q.prototype,`timeline`,void 0),K([I(`take-player`)],Q.prototype,`player`,void 0),Q=K([N(`reasondiff-studio`)],Q);function Bt(e){return e instanceof L?e.message:e instanceof TypeError?`The server does not answer; is it still running?`:String(e)}function Vt(e,t,n){return Number.isFinite(e)?Math.min(Math.max(Math.round(e),t),n):t}function $(e){return Ht(`data:image/png;base64,${e}`)}function Ht(e){let[,t,n]=/^data:([^;,]*);base64,(.*)$/.exec(e),r=Uint8Array.from(atob(n),e=>e.charCodeAt(0));return new Blob([r],{type:t})}function Ut(e){return new Promise((t,n)=>{let r=new FileReader;r.onload=()=>t(r.result),r.onerror=()=>n(r.error),r.readAsDataURL(e)})}